/** The ways of talking, and what the ones by lines share. */
#ifndef PROGRAM_WAYS_H
#define PROGRAM_WAYS_H

#include "conversation.h"

/** Bytes as they are. */
extern const struct way raw_way;

/** Each line is sent: with its newline on a stream, without it in a datagram. */
extern const struct way lines_way;

/** A member of a chat room. */
extern const struct way chat_way;

/** Commands for an exec server. */
extern const struct way exec_way;

/** lines_way's own. */
void lines_take_reply(struct conversation *conversation, char *data, size_t size);

#endif
