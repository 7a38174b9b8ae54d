/** One child process: how its end is learnt, and how it is brought about. */
#ifndef SSV_CHILD_H
#define SSV_CHILD_H

#include <socketserver/server.h>

struct ssv_child {
	struct ssv_forking_mixin *forking;
	struct ssv_child *next, *previous;
	struct ssv_request request; /* what the parent keeps of it: a live one, without a socket */
	pid_t pid;
	/* A pidfd; or the end of a pipe whose other end the child alone holds; or -1. */
	struct ssv_watch watch;
	bool is_pidfd;
	bool young;       /* nobody waits for it yet: it may well end before that is worth it */
	bool watched;     /* the loop waits for it, and needs no look at it */
	bool ending;      /* we have ended it */
	int lifeline;     /* the other end, until the child has it; or -1 */
	int64_t deadline; /* when it is killed: SSV_NEVER … */
	int64_t look;     /* … and when it is looked at, since nothing tells of its end */
	int pause;        /* between two looks, ms */
};

/** Whether the kernel has pidfds: 1, 0, or why that is not known. */
int ssv_child_has_pidfd(void);

/** Before the fork, for a request that is to be its. `pipe`: there will be no pidfd. */
void ssv_child_prepare(struct ssv_child *child, const struct ssv_request *request, bool pipe);

/** After the fork, in the parent. */
void ssv_child_follow(struct ssv_child *child, pid_t pid);

/** `watch.fd` tells of its end from now on, or is -1. */
void ssv_child_watch(struct ssv_child *child);

/** Closes the descriptors. Harmless twice. */
void ssv_child_close(struct ssv_child *child);

/** The same in another child, of one that is not looked at again. */
void ssv_child_let_go(const struct ssv_child *child);

/**
 * Whether it is gone. `status` is as waitpid(2) has it; -1 where somebody else has taken it, as the
 * kernel does when the host ignores SIGCHLD.
 */
bool ssv_child_is_gone(const struct ssv_child *child, int *status);

/** Waits for the end of one that has nothing to do. */
void ssv_child_wait(pid_t pid);

/** Sends a signal to one that was not gone: its process id is nobody else's. */
void ssv_child_signal(const struct ssv_child *child, int signal);

/** Ends a child process, in it: no exit handlers, no stdio. */
_Noreturn void ssv_child_exit(int status);

/** pidfd_open(2); tests put their own here. */
extern int (*ssv_pidfd_open)(pid_t pid);

#endif
