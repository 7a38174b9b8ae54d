/** What a process gives up before it becomes a command of somebody else's choice. */
#ifndef HANDLERS_CONFINE_H
#define HANDLERS_CONFINE_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct confinement {
	bool switches_user; /**< to these two; without any further group */
	uid_t uid;
	gid_t gid;
	bool read_only;     /**< writes files below /tmp and /var/tmp alone, where Landlock is */
	rlim_t cpu_seconds; /**< of a process */
	rlim_t memory;      /**< of a process: bytes of address space */
	rlim_t processes;   /**< of the user, those that run already included */
	rlim_t descriptors; /**< open ones, of a process */
	rlim_t file_size;   /**< bytes */
};

/**
 * A session and group of its own, signals as they are by default, / as the directory, umask 077,
 * another user, limits, no way to gain any power again, and no signals to anybody but what it
 * starts (Landlock, since Linux 6.12); its end when `parent` ends. On any
 * failure the process must not go on: returns the name of what failed, with errno, or NULL. Safe
 * after a fork of a process with threads.
 */
const char *confine(const struct confinement *confinement, pid_t parent);

/** How many processes and threads a user has, as RLIMIT_NPROC counts them; about, and at once out
 * of date. Not after a fork. */
rlim_t confine_count_processes(uid_t uid);

#endif
