/** Which programs may be run, under which names, and which of them with arguments. */
#ifndef HANDLERS_ALLOW_LIST_H
#define HANDLERS_ALLOW_LIST_H

#include <stddef.h>

#define ALLOW_LIST_MAX 64
#define ALLOW_LIST_REFUSAL_SIZE 1024

/** Zeroed it allows date, uptime and uname, without arguments. */
struct allow_list {
	const char *programs[ALLOW_LIST_MAX];       /**< "NAME=PATH", beside those */
	const char *with_arguments[ALLOW_LIST_MAX]; /**< "NAME" */
	size_t program_count, with_arguments_count;
	char refusal[ALLOW_LIST_REFUSAL_SIZE]; /**< of names that are not in it */
};

/**
 * For options. The text stays the caller's. A name that is there already gets another program.
 * -EINVAL where it is not NAME=PATH with an absolute path, or not a name; -ENOSPC where there are
 * too many; or why the program cannot be run.
 */
int allow_list_add(struct allow_list *list, const char *name_and_path);
int allow_list_add_arguments(struct allow_list *list, const char *name);

/** When all is added. Returns 0, or -EINVAL where arguments are allowed for a name that is none. */
int allow_list_open(struct allow_list *list);

/**
 * Splits a command at its white space, for which it is changed, into at most `count` arguments, the
 * last of them NULL, and replaces the name by its path. There are no quotes and no other special
 * characters. Returns NULL, or why it is refused: a line of text.
 */
const char *allow_list_resolve(
	const struct allow_list *list, char *command, char **arguments, size_t count);

#endif
