/** As whom the program serves, once it has bound its addresses. */
#ifndef PROGRAM_PRIVILEGES_H
#define PROGRAM_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

struct privileges {
	bool change; /**< there is another to become */
	uid_t uid;
	gid_t gid;
	const char *user, *group; /**< as they were given, or NULL */
	char name[256];           /**< the user's, for the supplementary groups; or "" */
};

/** Looks the two up, names or numbers, or NULL. Returns 0, or an exit status after saying what is
 * wrong. */
int privileges_find(struct privileges *privileges, const char *user, const char *group);

/**
 * Between these two the process is that user, but can go back: what is opened there is opened as
 * the user, and who asks whether they are root is told no. Both are for all threads. Return 0, or
 * an exit status after saying what is wrong.
 */
int privileges_lend(const struct privileges *privileges);
int privileges_take_back(const struct privileges *privileges);

/** Becomes that user for good, with their groups, on all threads, and makes sure of it. Returns 0,
 * or an exit status after saying what is wrong. */
int privileges_drop(const struct privileges *privileges);

#endif
