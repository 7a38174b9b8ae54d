#include "ways.h"

const struct way raw_way = {
	.name = "raw",
	.take_reply = conversation_show,
};
