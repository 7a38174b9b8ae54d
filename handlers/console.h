/** What the two kinds of console share: the attendant, and, without connections, whom to answer. */
#ifndef HANDLERS_CONSOLE_H
#define HANDLERS_CONSOLE_H

#include "attendant.h"
#include <socketserver/handler.h>

struct console {
	struct attendant attendant;
	bool has_shown;          /* a datagram, … */
	struct ssv_address last; /* … from there … */
	int fd;                  /* … by this socket */
};

/** Shows each datagram with its sender, who then is the one to answer. */
extern const struct ssv_handler_ops console_datagram_handler;

/** Sends a line of the attendant's to the sender of the datagram shown last. */
void console_answer(struct console *console, const char *line, size_t length);

#endif
