/** Which version of the library this is. */
#ifndef SOCKETSERVER_VERSION_H
#define SOCKETSERVER_VERSION_H

#include <socketserver/macros.h>

/** The version of these headers: what the program was compiled with. */
#define SSV_VERSION_MAJOR 0
#define SSV_VERSION_MINOR 1
#define SSV_VERSION_PATCH 0
#define SSV_VERSION "0.1.0"

SSV_BEGIN_DECLS

/** Returns the version of the library that runs, as SSV_VERSION writes it. A constant; safe
 * anywhere.
 */
SSV_API const char *ssv_version(void);

SSV_END_DECLS

#endif
