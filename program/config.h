/**
 * A file of options: one `NAME = VALUE`, `NAME VALUE` or `NAME` a line, NAME as on the command line
 * without its dashes; `handler` and `address` stand for the operands. Blank lines, and lines that
 * begin with #, say nothing.
 */
#ifndef PROGRAM_CONFIG_H
#define PROGRAM_CONFIG_H

#include "options.h"

#define CONFIG_LINE_SIZE 4096 /**< of the longest line, with its end */
#define CONFIG_LINES_MAX 4096

struct config {
	const char *path;
	struct config_line
		*lines; /**< what the options are set from: it has to stay as long as they */
	size_t count;
	const char *handler; /**< or NULL */
	char **addresses;
	int address_count;
};

/** Returns 0, or an exit status after saying what is wrong, and in which line. There is one at a
 * time. */
int config_read(struct config *config, const char *path);

/** Sets the options, each as if it stood on the command line. The same. */
int config_apply(const struct config *config, const struct options *options);

/** The next complaint is about this value: where it stands is said, if it is the file's own, and
 * not another of the same text. NULL: it is about none. */
void config_say_where(const char *value);

void config_free(struct config *config);

#endif
