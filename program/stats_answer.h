/**
 * The handler of --stats: one question, one answer. A question is a line, with the name of a
 * format, or what HTTP asks for one, as in GET /metrics.
 */
#ifndef PROGRAM_STATS_ANSWER_H
#define PROGRAM_STATS_ANSWER_H

#include <socketserver/handler.h>

/** The longest question, and the longest line of HTTP. */
#define STATS_QUESTION_MAX 4096

/** Its server's `user` is a struct stats. */
extern const struct ssv_handler_ops stats_answer;

#endif
