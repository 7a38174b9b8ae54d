/** What was meant by a name that nobody knows: the known one that is spelt most like it. */
#ifndef PROGRAM_NEAREST_H
#define PROGRAM_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *typed;
	size_t length;    /**< of the name in it, which "=" and a value may follow */
	size_t mistakes;  /**< fewer than so many are to be found */
	const char *name; /**< the nearest one up to now; NULL: none is near */
};

/** A letter that is missing, one too many, another one, and two that changed places are a mistake
 * each. One is likely in three letters, two in five, three in eight; no more than that. */
void nearest_init(struct nearest *nearest, const char *typed);

/** Whether it is nearer than those before. */
void nearest_consider(struct nearest *nearest, const char *name);

/** Complains of an unknown WHAT and asks whether that was meant, if there is one that is near; or
 * else returns false. `dashes` stand in front of both names. */
bool nearest_suggest(const struct nearest *nearest, const char *what, const char *dashes);

#endif
