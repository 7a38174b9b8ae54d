/** The file that says which process serves. */
#ifndef PROGRAM_PID_FILE_H
#define PROGRAM_PID_FILE_H

#include <sys/types.h>

/**
 * It is locked by flock(2) for as long as it is in use: so one without a lock is stale, whatever is
 * in it, and a number in it is that of the process that serves.
 */
struct pid_file {
	const char *path; /**< or NULL: there is none */
	int fd;           /**< which has the lock, or -1 */
};

/**
 * Makes the file, or takes over a stale one, empty or with a number; or goes on with `fd`, a
 * predecessor's, which has the lock, unless it is -1. Nothing where `path` is NULL. Returns 0, or
 * an exit status after saying what is wrong.
 */
int pid_file_open(struct pid_file *file, const char *path, int fd);

/** Writes this process's number into it. Returns 0, or an exit status after saying what is wrong.
 */
int pid_file_write(const struct pid_file *file);

/** Lets a successor alone have the lock, if its number is in it. */
void pid_file_give_up(struct pid_file *file);

/** Removes it, if this process's number is in it, or none is yet; at least empties it where it may
 * not be removed.
 */
void pid_file_close(struct pid_file *file);

#endif
