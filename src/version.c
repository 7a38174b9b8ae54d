#include <socketserver/version.h>

const char *ssv_version(void)
{
	return SSV_VERSION;
}
