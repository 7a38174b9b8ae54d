/** Other programs: what they are given, what they say, and how they end. Check's time-out is the
 * time limit of all waiting here, and a process that a failed test leaves behind is killed with it.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/** The exit status where there is no such program. */
#define NOT_INSTALLED 127

struct child {
	pid_t pid;
	int in, out, err; /**< our ends of its pipes; -1: closed */
};

/** What it has written until it ended; `status` is its exit status, or minus the signal. */
struct result {
	int status;
	char *out, *err;
	size_t out_size, err_size;
};

/** Starts a program, a list that ends with NULL. `prepare` is called in the new process, its
 * standard descriptors being set up. */
struct child start(const char *const *arguments);
struct child start_prepared(const char *const *arguments, void (*prepare)(void));

/** To prepare it: its standard output is missing, full, or a pipe that nobody reads. */
void close_stdout(void);
void fill_stdout(void);
void break_stdout(void);

/** A line of what it says, without the newline. */
char *read_line(int fd, char *line, size_t size);

/** Closes one of our ends, if it is open. */
void close_end(int *fd);

/** Waits for its end: its exit status, or minus the signal. */
int wait_for(struct child *child);

/** Gives a process its input, takes what it says, and waits for its end. */
struct result finish(struct child child, const char *input, size_t size);

/** From its start to its end. */
struct result run(const char *const *arguments, const char *input);
struct result run_prepared(const char *const *arguments, void (*prepare)(void));

void forget(struct result *result);

/** The part is in the text. */
void has(const char *text, const char *part);

#endif
