/** A stream that hands out an input in pieces as that input says, and keeps what is written to it.
 */
#ifndef TESTS_FUZZ_PIECES_H
#define TESTS_FUZZ_PIECES_H

#include "fuzz.h"
#include <socketserver/stream.h>

struct pieces {
	struct ssv_stream stream;
	struct input rest;    /* of what can be read */
	struct input lengths; /* in turn, and again from the first; none: all of it at once */
	size_t reads, writes; /* so far */
	bool may_fail;        /* a length of 0 is a time-out, not a byte; never two in a row … */
	bool failed;          /* … so the last one was one */
	bool slow;            /* takes what is written in pieces, too */
	struct text written;
};

/** Takes the lengths off the front of the input; the rest is what can be read. */
void pieces_open(struct pieces *pieces, struct input input);
void pieces_close(struct pieces *pieces);

/** The next piece, at most `size` bytes of it: the stream's read(), also for those who want to know
 * in advance what that will be. */
struct input pieces_take(struct pieces *pieces, size_t size);

#endif
