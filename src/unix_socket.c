#include "unix_socket.h"

#include "server_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_PATIENCE 512 /* ms, the last wait for a lock; those before it make as much again */

void ssv_unix_socket_init(struct ssv_unix_socket *file)
{
	*file = (struct ssv_unix_socket){
		.mode = 0600,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.replace_stale = true,
	};
}

static const char *path_of(const struct ssv_address *at)
{
	return at->socket.un.sun_path;
}

/* --- the lock --- */

/* On a slow file system a signal may come before it is open. */
static int open_path(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	const int length = slash == NULL ? 0 : slash == path ? 1 : (int)(slash - path);
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";

	if (length > 0)
		snprintf(directory, sizeof(directory), "%.*s", length, path);
	return open_path(directory, O_RDONLY | O_DIRECTORY);
}

/*
 * Not for as long as it takes: whoever can read a directory, such as /tmp, can lock it for ever.
 * A descriptor, to be closed, or -1.
 */
static int lock_directory(const char *path)
{
	int fd = open_directory(path), wait = 1;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || wait > LOCK_PATIENCE) {
			close(fd);
			return -1;
		}
		poll(NULL, 0, wait);
		wait *= 2;
	}
	return fd;
}

static void unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* --- what is there already --- */

/*
 * Whether no socket is bound to the file any more. A datagram socket can tell that of any kind of
 * socket, of one that does not listen (yet) too, and a living server does not notice it.
 */
static bool is_abandoned(const struct ssv_address *at)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool abandoned;

	if (fd < 0)
		return false;
	abandoned = connect(fd, &at->socket.any, at->length) < 0 && errno == ECONNREFUSED;
	close(fd);
	return abandoned;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Why the path is taken; 0 where it is not any more. */
static int make_room(const struct ssv_address *at, bool may_replace)
{
	struct stat before, now;

	if (lstat(path_of(at), &before) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(before.st_mode))
		return -EEXIST;
	if (!may_replace || !is_abandoned(at))
		return -EADDRINUSE;
	if (lstat(path_of(at), &now) < 0 || !is_same(&before, &now))
		return -EADDRINUSE;
	return unlink(path_of(at)) < 0 ? -EADDRINUSE : 0;
}

/* --- binding --- */

static int try_bind(int fd, const struct ssv_address *at)
{
	return bind(fd, &at->socket.any, at->length) < 0 ? -errno : 0;
}

/* The socket's own mode becomes that of the file which bind(2) makes. */
static int bind_to_path(int fd, const struct ssv_address *at, mode_t mode, bool may_replace)
{
	int rc = fchmod(fd, mode) < 0 ? -errno : try_bind(fd, at);

	if (rc != -EADDRINUSE)
		return rc;
	rc = make_room(at, may_replace);
	return rc < 0 ? rc : try_bind(fd, at);
}

static void note(struct ssv_unix_socket *file, const struct stat *found)
{
	file->device = found->st_dev;
	file->inode = found->st_ino;
	file->pid = getpid();
}

static void forget(struct ssv_unix_socket *file)
{
	file->inode = 0;
	file->pid = 0;
}

static int chown_same(const struct ssv_unix_socket *file, int made, const struct stat *noted)
{
	struct stat found;

	if (fstat(made, &found) < 0)
		return -errno;
	if (!is_same(&found, noted))
		return -EEXIST;
	return fchownat(made, "", file->uid, file->gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* By a descriptor: whoever else may write to the directory must not have another file chowned. */
static int chown_noted(
	const struct ssv_unix_socket *file, const char *path, const struct stat *noted)
{
	int made, rc;

	if (file->uid == (uid_t)-1 && file->gid == (gid_t)-1)
		return 0;
	made = open_path(path, O_PATH | O_NOFOLLOW);
	if (made < 0)
		return -errno;
	rc = chown_same(file, made, noted);
	close(made);
	return rc;
}

static int own(struct ssv_unix_socket *file, const char *path)
{
	struct stat found;

	if (lstat(path, &found) < 0)
		return -errno;
	if (!S_ISSOCK(found.st_mode))
		return -EEXIST;
	note(file, &found);
	return chown_noted(file, path, &found);
}

/* Under the lock. */
static void remove_own(struct ssv_unix_socket *file, const char *path)
{
	struct stat now;

	if (file->pid != 0 && lstat(path, &now) == 0 && now.st_dev == file->device &&
		now.st_ino == file->inode)
		unlink(path);
	forget(file);
}

static int claim(int fd, const struct ssv_address *at, struct ssv_unix_socket *file)
{
	int lock = lock_directory(path_of(at));
	int rc = bind_to_path(fd, at, file->mode, lock >= 0 && file->replace_stale);

	if (rc == 0) {
		rc = own(file, path_of(at));
		if (rc < 0)
			remove_own(file, path_of(at));
	}
	unlock(lock);
	return rc;
}

static bool is_abstract(const struct ssv_address *at)
{
	return path_of(at)[0] == '\0';
}

static int make_and_bind(struct ssv_server *server, struct ssv_unix_socket *file)
{
	const struct ssv_address *at = &server->server_address;
	int fd = ssv_server_socket_make(at), rc;

	if (fd < 0)
		return fd;
	rc = is_abstract(at) ? try_bind(fd, at) : claim(fd, at, file);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	server->fd = fd;
	return 0;
}

int ssv_unix_socket_bind(
	struct ssv_server *server, enum ssv_transport transport, struct ssv_unix_socket *file)
{
	int rc = ssv_server_socket_begin(server, transport);

	if (rc > 0)
		rc = make_and_bind(server, file);
	return rc < 0 ? rc : ssv_server_socket_learn_address(server, transport);
}

void ssv_unix_socket_remove(struct ssv_unix_socket *file, const struct ssv_server *server)
{
	const char *path = path_of(&server->server_address);
	int lock;

	if (file->pid == getpid()) {
		lock = lock_directory(path);
		remove_own(file, path);
		unlock(lock);
	}
	forget(file);
}

/* --- from one process to its successor --- */

int ssv_unix_socket_take_over(
	struct ssv_unix_socket *file, const struct ssv_server *server, dev_t device, ino_t inode)
{
	const struct ssv_address *at = &server->server_address;
	struct stat found;

	if (is_abstract(at))
		return 0;
	if (lstat(path_of(at), &found) < 0)
		return -errno;
	if (found.st_dev != device || found.st_ino != inode)
		return -ENOENT;
	note(file, &found);
	return 0;
}

void ssv_unix_socket_give_up(struct ssv_unix_socket *file)
{
	forget(file);
}
