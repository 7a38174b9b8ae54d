/** The file of a Unix socket: whose it is, who may connect, and when it is replaced and removed. */
#ifndef SOCKETSERVER_UNIX_SOCKET_H
#define SOCKETSERVER_UNIX_SOCKET_H

#include <socketserver/macros.h>
#include <stdbool.h>
#include <sys/types.h>

SSV_BEGIN_DECLS

/**
 * Options of a server on a path, to be set between init and open; without effect on an abstract
 * name, which has no file and which everybody may connect to, and on an adopted socket.
 *
 * open makes the file, and close removes it, if it is still the same one, and only in the process
 * that made it: not in a forked child. Both take a relative path from the working directory of that
 * time. They lock the directory with flock(2) meanwhile, where it can be read, so that of any
 * number of servers that start at once for one path, one gets it; of the others open returns
 * -EADDRINUSE. It takes at most a second: a directory that another process keeps locked for longer
 * counts as one that cannot be read.
 */
struct ssv_unix_socket {
	/**
	 * Who may connect: those who may write to the file. Default 0600, the owner alone; Python:
	 * all that the umask leaves. The umask is taken off this, too, so that 0666 under a umask
	 * of 022 is 0644. The file is never there with another mode.
	 */
	mode_t mode;
	/** The file's owner and group; default (uid_t)-1 and (gid_t)-1: those of the process. What
	 * chown(2) does not allow, as -EPERM for other users than root, makes open fail. Until it
	 * is done, which is before a stream server listens, the file is the process's own: where
	 * `mode` lets a group send to a datagram server, for a moment that is the process's. */
	uid_t uid;
	gid_t gid;
	/**
	 * Replaces a socket file that no socket is bound to any more, as one that was killed leaves
	 * behind; default true; never where the directory cannot be read. Where it may not, and
	 * where a server lives, listening or not, open returns -EADDRINUSE; where there is anything
	 * but a socket, a symbolic link included, -EEXIST.
	 */
	bool replace_stale;

	/**
	 * Which file is the server's, as lstat(2) has it, to be read for a successor's take_over;
	 * inode is 0 where there is none: before open and after close, with an abstract name or an
	 * adopted socket, and once the file was given up.
	 */
	dev_t device;
	/** Its number on that device. */
	ino_t inode;

	/* private */
	pid_t pid; /* who made the file; 0: there is none */
};

struct ssv_server;

/**
 * The duty to remove the file goes with its socket from one process to its successor, which has
 * adopted that: after the successor's open this makes the file its server's, as if that open had
 * made it; `file` is the server's own, `device` and `inode` are what the one before had in its own
 * while it served. Not while another thread closes the server. Returns 0, also for an abstract
 * name, which has no file; -ENOENT, and leaves alone what is there, where that file is not at the
 * server's address, or not any more; or what lstat(2) says.
 */
SSV_API int ssv_unix_socket_take_over(
	struct ssv_unix_socket *file, const struct ssv_server *server, dev_t device, ino_t inode);

/** In the one before: close leaves the file alone from now on. Not while another thread closes the
 * server. */
SSV_API void ssv_unix_socket_give_up(struct ssv_unix_socket *file);

SSV_END_DECLS

#endif
