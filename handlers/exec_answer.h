/** What exec answers to one command: its output, or why it is refused. */
#ifndef HANDLERS_EXEC_ANSWER_H
#define HANDLERS_EXEC_ANSWER_H

#include "allow_list.h"
#include "command.h"
#include <socketserver/handler.h>

#define EXEC_COMMAND_SIZE 1024

/** What a client sent, ended by a NUL. */
struct exec_question {
	char text[EXEC_COMMAND_SIZE + 1];
	size_t length;
	bool too_long; /**< there was more of it */
};

/** What it gets: a text of ours, or the command's output, to be freed by exec_reply_free(). */
struct exec_reply {
	const char *text;
	size_t size;
	struct command_result result;
	char cut[ALLOW_LIST_REFUSAL_SIZE]; /**< a text of ours that is too long as it is */
	bool is_last; /**< what else the client sends is not to be taken for commands */
};

/** How it is said that there was no output, and how much fits into a reply. */
struct exec_manner {
	const char *nothing;
	size_t most;
};

/** Runs it, if it may be, and leaves a line in the log. Returns 0; -EPIPE where the client has gone
 * meanwhile. */
int exec_answer(const struct ssv_handler *handler, const struct exec_question *question,
	const struct exec_manner *manner, struct exec_reply *reply);

void exec_reply_free(struct exec_reply *reply);

#endif
