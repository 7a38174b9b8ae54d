/**
 * What moves between standard input, a server and standard output. One loop for all ways of
 * talking; each says in a table what is done with the input and with the replies.
 */
#ifndef PROGRAM_CONVERSATION_H
#define PROGRAM_CONVERSATION_H

#include "lines.h"
#include "screen.h"
#include <socketserver/socketserver.h>

#define CONVERSATION_REPLY_SIZE 65536 /* more than any datagram */

struct conversation;

/** What a NULL stands for is said at each. */
struct way {
	const char *name;
	const char *handler; /**< one to talk to */
	/** It is connected. NULL: nothing is done. */
	void (*start)(struct conversation *conversation);
	/** A line of the input, without its newline. NULL: the input is sent as it is read. */
	void (*take_line)(struct conversation *conversation, char *line, size_t size);
	/** What one read from the server returned: nothing only for an empty datagram. */
	void (*take_reply)(struct conversation *conversation, char *data, size_t size);
	/** `alarm_at` has come. */
	void (*ring)(struct conversation *conversation);
	/** What a stream says is one text, which may go on after the prompt. */
	bool is_one_text;
	/** The input is at its end. NULL: conversation_end_input(). */
	void (*input_ended)(struct conversation *conversation);
	/** The server has ended the stream. NULL: that is all. */
	void (*stream_ended)(struct conversation *conversation);
};

struct conversation {
	const struct way *way;
	void *state; /**< the way's own */
	struct ssv_address at;
	struct ssv_stream stream;
	struct screen screen;
	struct lines lines;
	int timeout;      /**< ms for an answer, where it may be lost; or SSV_FOREVER */
	bool busy;        /**< no input is taken for now */
	int64_t alarm_at; /**< ms of monotonic_ms(), or CONVERSATION_NEVER */

	/* private */
	char piece[LINES_MAX + 1]; /* what is left to be sent, while `sending` */
	size_t start, end;
	bool sending, last; /* and then nothing more */
	char reply[CONVERSATION_REPLY_SIZE];
	bool unsettled; /* a reply was shown, and the prompt was not yet */
	bool input_ended;
	int send_error; /* the server takes no more */
	int64_t end_at; /* ms: nothing has come for so long that nothing will, or CONVERSATION_NEVER
			 */
	bool ended;
	int status;
};

#define CONVERSATION_NEVER INT64_MAX

/** Talks until the end, over the stream, which is connected, and closes it. Returns the exit
 * status. */
int conversation_run(struct conversation *conversation);

/** For ways. */
bool conversation_is_stream(const struct conversation *conversation);

/** Sends this, at most LINES_MAX bytes, and a newline if `newline`, before more input is taken. */
void conversation_send(
	struct conversation *conversation, const char *data, size_t size, bool newline);

/** The same, and then the input is at its end, and the program about to end. */
void conversation_send_last(
	struct conversation *conversation, const char *data, size_t size, bool newline);

/** No more will be sent: replies are awaited, from a datagram server until a second is quiet. */
void conversation_end_input(struct conversation *conversation);

/** Shows it; what it was is lost. */
void conversation_show(struct conversation *conversation, char *data, size_t size);

/** What is shown next begins a line. */
void conversation_end_line(struct conversation *conversation);

/** A line cannot be sent, and a complaint about it follows: it ends, unless somebody is there to
 * type another one. */
void conversation_refuse_line(struct conversation *conversation);

/** Ends it with this exit status. Standard error may be written to afterwards. */
void conversation_end(struct conversation *conversation, int status);

/** Ends it, saying why: a negative errno of the stream. */
void conversation_fail(struct conversation *conversation, int error);

#endif
