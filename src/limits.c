#include <socketserver/limits.h>

void ssv_limits_init(struct ssv_limits *limits)
{
	*limits = (struct ssv_limits){
		.timeout = SSV_FOREVER,
		.write_timeout = 30 * 1000,
		.deadline = SSV_FOREVER,
		.linger_timeout = 2 * 1000,
		.linger_size = 1024UL * 1024,
		.max_line = 64UL * 1024,
		.max_frame = 1024UL * 1024,
	};
}
