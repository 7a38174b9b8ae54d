/** The options of the command line, the program's own and a handler's, by table. */
#ifndef PROGRAM_OPTIONS_H
#define PROGRAM_OPTIONS_H

#include "nearest.h"
#include <socketserver/handler_descriptor.h>
#include <stdbool.h>
#include <stddef.h>

/** An option of the program's: where its value goes in a struct of settings, and what it may be. */
struct option_spec {
	const char *name;  /**< without the dashes; NULL ends the table */
	const char *value; /**< what --help calls its value; NULL: it has none */
	const char *help;
	/** Returns 0, or -EINVAL after saying what is wrong. */
	int (*set)(const struct option_spec *spec, void *at, const char *value);
	size_t offset;    /**< of what `set` sets, in the settings */
	double low, high; /**< the range of a number */
	char letter;      /**< a short form, or 0 */
};

/** For `set`: a bool, a constant text, an int, an int of milliseconds given in seconds, and an int
 * that says which of the words in the option's `value`, "one|another". */
int option_set_flag(const struct option_spec *spec, void *at, const char *value);
int option_set_text(const struct option_spec *spec, void *at, const char *value);
int option_set_text_once(const struct option_spec *spec, void *at, const char *value);
int option_set_whole(const struct option_spec *spec, void *at, const char *value);
int option_set_seconds(const struct option_spec *spec, void *at, const char *value);
int option_set_choice(const struct option_spec *spec, void *at, const char *value);

/** -h and --help for any table, setting a bool. */
#define OPTION_HELP(type, member)                                                                  \
	{                                                                                          \
		.name = "help", .help = "show this and end", .set = option_set_flag,               \
		.offset = offsetof(type, member), .letter = 'h',                                   \
	}

/** The most seconds that fit an int of milliseconds, rounded down. */
#define OPTION_SECONDS_MAX 2000000

struct options {
	const struct option_spec *specs;
	void *settings;
	const struct ssv_handler_option *own; /**< a handler's, or NULL */
	void *state;                          /**< what they are set in */
	const char *only; /**< the one that is set, the others are read over; or NULL: all are */
	/** The handlers one of which is to follow, ended by NULL: who gives an option of theirs too
	 * early is told so; or NULL. */
	const struct ssv_handler_descriptor *const *handlers;
};

/**
 * Takes the options out of the arguments, of which the first is not looked at, and moves the
 * operands behind them; or stops at the first operand, so that what follows may be of another
 * table. Returns the index of the first operand, or minus the exit status after saying
 * what is wrong.
 */
int options_parse(const struct options *options, int argc, char **argv, bool stop_at_operand);

/** Whether there is one of this very name, which "=" and a value may follow; without the dashes. */
bool options_know(const struct options *options, const char *option);

/** Whether one of them was meant. */
void options_consider(const struct options *options, struct nearest *nearest);

/** For --help, in 80 columns: a text, which goes on where those of options stand; all options;
 * those that are named; a handler's own. */
void options_print_text(const char *text);
void options_print_specs(const struct option_spec *specs);
void options_print_these(const struct option_spec *specs, const char *names);
void options_print_own(const struct ssv_handler_option *own);

#endif
