#include "pid_file.h"
#include "../handlers/number.h"
#include "complain.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_SIZE 16

/* 0 where there is none. */
static pid_t read_number(int fd)
{
	char text[NUMBER_SIZE];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long number;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return read_whole(text, 1, INT_MAX, &number) == 0 ? (pid_t)number : 0;
}

/* Not any more, where another one has removed it between our open and our lock. */
static bool is_at(const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

static int complain_about(const char *path, int error)
{
	complain("no pid file: --pid-file %s: %s: take a path in a directory that you may write to",
		path, strerror(error));
	return EXIT_FAILURE;
}

static int complain_in_use(const char *path, int fd)
{
	pid_t pid = read_number(fd);

	if (pid > 0)
		complain("pid file in use: --pid-file %s: process %d serves; stop it, or take "
			 "another path",
			path, (int)pid);
	else
		complain("pid file in use: --pid-file %s: another process has it; take another "
			 "path",
			path);
	return EXIT_FAILURE;
}

static bool is_plain(int fd)
{
	struct stat found;

	return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

static bool is_empty(int fd)
{
	struct stat found;

	return fstat(fd, &found) == 0 && found.st_size == 0;
}

/* Empty, or a number, of whatever size: else it is something that is not ours to write over. */
static bool is_pid_file(int fd)
{
	char text[4 * NUMBER_SIZE];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0 || n == sizeof(text) - 1)
		return false;
	text[n] = '\0';
	return text[strspn(text, "0123456789\n")] == '\0' && strlen(text) == (size_t)n;
}

static int complain_contents(const char *path)
{
	complain("no pid file: --pid-file %s: it has something else in it; take another path, or "
		 "remove it",
		path);
	return EXIT_FAILURE;
}

/* A descriptor that has the lock; or -1 after saying what is wrong. */
static int open_and_lock(const char *path)
{
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
		if (fd < 0 || !is_plain(fd)) {
			complain_about(path, fd < 0 ? errno : EEXIST);
			break;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			complain_in_use(path, fd);
			break;
		}
		if (is_at(path, fd) && is_pid_file(fd))
			return fd;
		if (is_at(path, fd)) {
			complain_contents(path);
			break;
		}
		close(fd);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int pid_file_open(struct pid_file *file, const char *path, int fd)
{
	*file = (struct pid_file){.path = path, .fd = fd};
	if (path != NULL && fd < 0)
		file->fd = open_and_lock(path);
	return path == NULL || file->fd >= 0 ? 0 : EXIT_FAILURE;
}

int pid_file_write(const struct pid_file *file)
{
	char text[NUMBER_SIZE];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (file->path == NULL)
		return 0;
	if (pwrite(file->fd, text, (size_t)length, 0) == length && ftruncate(file->fd, length) == 0)
		return 0;
	return complain_about(file->path, errno);
}

void pid_file_give_up(struct pid_file *file)
{
	if (file->path == NULL || file->fd < 0 || read_number(file->fd) == getpid())
		return;
	close(file->fd);
	file->fd = -1;
}

void pid_file_close(struct pid_file *file)
{
	if (file->path == NULL || file->fd < 0)
		return;
	if ((read_number(file->fd) == getpid() || is_empty(file->fd)) &&
		is_at(file->path, file->fd) && unlink(file->path) < 0 && ftruncate(file->fd, 0) < 0)
		complain("pid file left: %s: %s", file->path, strerror(errno));
	close(file->fd);
	file->fd = -1;
}
