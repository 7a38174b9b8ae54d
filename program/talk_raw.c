#include "ways.h"

const struct way raw_way = {
	.name = "raw",
	.handler = "echo",
	.take_reply = conversation_show,
};
