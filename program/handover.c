#include "handover.h"
#include "../handlers/monotonic.h"
#include "activation.h"
#include "complain.h"
#include "notify.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 60000 /* ms, until a successor is ready */

/* Into `path`; whether that is this very program. */
SSV_PRINTF(2, 3)
static bool is_here(char path[HANDOVER_PATH_SIZE], const char *format, ...)
{
	struct stat here, running;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(path, HANDOVER_PATH_SIZE, format, arguments);
	va_end(arguments);
	return length < HANDOVER_PATH_SIZE && path[0] == '/' && stat(path, &here) == 0 &&
	       stat("/proc/self/exe", &running) == 0 && here.st_dev == running.st_dev &&
	       here.st_ino == running.st_ino;
}

static bool find_in_path(char path[HANDOVER_PATH_SIZE], const char *name)
{
	const char *at = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */

	for (size_t length; at != NULL; at = at[length] == ':' ? at + length + 1 : NULL) {
		length = strcspn(at, ":");
		if (is_here(path, "%.*s/%s", (int)length, at, name))
			return true;
	}
	return false;
}

/* As it was called: links are followed when a successor is started, and may lead elsewhere then. */
static int find_program(char path[HANDOVER_PATH_SIZE])
{
	const char *name = program_invocation_name;
	char folder[HANDOVER_PATH_SIZE];
	ssize_t length;

	if (strchr(name, '/') == NULL && find_in_path(path, name))
		return 0;
	if (name[0] == '/' && is_here(path, "%s", name))
		return 0;
	if (strchr(name, '/') != NULL && getcwd(folder, sizeof(folder)) != NULL &&
		is_here(path, "%s/%s", folder, name))
		return 0;
	length = readlink("/proc/self/exe", path, HANDOVER_PATH_SIZE - 1);
	path[length > 0 ? length : 0] = '\0';
	return length < 0 ? -errno : 0;
}

int handover_init(struct handover *handover, int count, char **arguments)
{
	int rc = find_program(handover->program);

	handover->socket = -1;
	handover->arguments = calloc((size_t)count + 2, sizeof(*handover->arguments));
	if (rc < 0 || handover->arguments == NULL) {
		complain("not to be handed over: --handover: the program's own path: %s",
			strerror(rc < 0 ? -rc : ENOMEM));
		return EXIT_FAILURE;
	}
	handover->arguments[0] = handover->program;
	memcpy(handover->arguments + 1, arguments, (size_t)count * sizeof(*arguments));
	return 0;
}

void handover_free(struct handover *handover)
{
	free(handover->arguments);
	handover->arguments = NULL;
}

void handover_add(struct handover *handover, const char *name, struct ssv_server *server,
	struct ssv_unix_socket *file)
{
	if (handover->count < HANDOVER_MAX)
		handover->handed[handover->count] =
			(struct handed){.name = name, .server = server, .file = file};
	handover->count++; /* too many are told of when they are to be handed over */
}

/* --- what the successor is given --- */

struct parcel {
	char text[HANDOVER_SIZE];
	size_t length;
	int fds[HANDOVER_MAX];
	size_t count;
};

static int put(struct parcel *parcel, int fd, const char *text)
{
	size_t length = strlen(text) + 1;

	if (parcel->count == HANDOVER_MAX || parcel->length + length > sizeof(parcel->text))
		return -E2BIG;
	memcpy(parcel->text + parcel->length, text, length);
	parcel->length += length;
	parcel->fds[parcel->count++] = fd;
	return 0;
}

static int put_with_file(struct parcel *parcel, const struct handed *handed)
{
	char text[sizeof(HANDOVER_FILE HANDOVER_STATS) + 48 + SSV_ADDRESS_TEXT_SIZE];

	snprintf(text, sizeof(text), HANDOVER_FILE "%ju:%ju:%s", (uintmax_t)handed->file->device,
		(uintmax_t)handed->file->inode, handed->name);
	return put(parcel, handed->server->fd, text);
}

static bool has_file(const struct handed *handed)
{
	return handed->file != NULL && handed->file->inode != 0;
}

static int put_handed(struct parcel *parcel, const struct handover *handover)
{
	int rc = handover->count > HANDOVER_MAX ? -E2BIG : 0;

	for (size_t i = 0; i < handover->count && rc == 0; i++) {
		const struct handed *handed = &handover->handed[i];

		rc = has_file(handed) ? put_with_file(parcel, handed)
				      : put(parcel, handed->server->fd, handed->name);
	}
	return rc;
}

static int put_passed(struct parcel *parcel)
{
	char text[sizeof(HANDOVER_PASSED) + ACTIVATION_NAME_SIZE + 16];
	const struct passed_socket *sockets;
	size_t count;
	int rc = 0;

	sockets = activation_sockets(&count);
	for (size_t i = 0; i < count && rc == 0; i++) {
		snprintf(text, sizeof(text), HANDOVER_PASSED "%d:%s", sockets[i].number,
			sockets[i].name);
		rc = put(parcel, sockets[i].fd, text);
	}
	return rc;
}

static int put_pid_file(struct parcel *parcel, const struct pid_file *file)
{
	char text[sizeof(HANDOVER_PID_FILE) + 4096];

	if (file->path == NULL)
		return 0;
	snprintf(text, sizeof(text), HANDOVER_PID_FILE "%s", file->path);
	return put(parcel, file->fd, text);
}

static int send_parcel(int socket, struct parcel *parcel)
{
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(HANDOVER_MAX * sizeof(int))];
	} control;
	const size_t size = parcel->count * sizeof(int);
	struct iovec text = {.iov_base = parcel->text, .iov_len = parcel->length};
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size),
	};

	control.header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size)};
	memcpy(CMSG_DATA(&control.header), parcel->fds, size);
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Before it is there, which will find it. */
static int send_all(const struct handover *handover, int socket)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	int rc = parcel == NULL ? -ENOMEM : put_handed(parcel, handover);

	if (rc == 0)
		rc = put_passed(parcel);
	if (rc == 0)
		rc = put_pid_file(parcel, handover->pid_file);
	if (rc == 0)
		rc = send_parcel(socket, parcel);
	free(parcel);
	return rc;
}

/* --- starting it --- */

/* Ours, as it is without what we took out, and two lines more. */
static char **make_environment(char *handed, char *manager)
{
	size_t count = 0;
	char **environment;

	while (environ[count] != NULL)
		count++;
	environment = calloc(count + 3, sizeof(*environment));
	if (environment == NULL)
		return NULL;
	memcpy(environment, environ, count * sizeof(*environ));
	environment[count++] = handed;
	if (manager != NULL)
		environment[count] = manager;
	return environment;
}

static int spawn(struct handover *handover, int theirs, const sigset_t *mask, char **environment)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t blocked = *mask;
	int error;

	sigaddset(&blocked, SIGHUP); /* until it waits for it: not to be ended by one */
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &blocked);
	error = posix_spawn_file_actions_adddup2(&actions, theirs, theirs); /* not close-on-exec */
	if (error == 0)
		error = posix_spawn(&handover->successor, handover->program, &actions, &attributes,
			handover->arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static int start(struct handover *handover, int theirs, const sigset_t *mask)
{
	char handed[64], manager[256], **environment;
	int rc;

	snprintf(handed, sizeof(handed), HANDOVER_VARIABLE "=%d", theirs);
	if (notify_address() != NULL)
		snprintf(manager, sizeof(manager), "NOTIFY_SOCKET=%s", notify_address());
	environment = make_environment(handed, notify_address() != NULL ? manager : NULL);
	rc = environment == NULL ? -ENOMEM : spawn(handover, theirs, mask, environment);
	free(environment);
	return rc;
}

static void tell_reloading(void)
{
	notify("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=starting a successor",
		(long long)monotonic_ms() * 1000);
}

static void complain_start(const struct handover *handover, int error)
{
	complain("not handed over: cannot start %s: %s: this one goes on", handover->program,
		strerror(-error));
	notify("READY=1\nSTATUS=no successor could be started");
}

void handover_begin(struct handover *handover, const sigset_t *mask)
{
	int pair[2], rc = 0;

	if (handover->socket >= 0) {
		complain("not handed over: process %d is being started already",
			(int)handover->successor);
		return;
	}
	tell_reloading();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		complain_start(handover, -errno);
		return;
	}
	rc = send_all(handover, pair[0]);
	if (rc == 0)
		rc = start(handover, pair[1], mask);
	close(pair[1]);
	if (rc < 0) {
		complain_start(handover, rc);
		close(pair[0]);
		return;
	}
	handover->socket = pair[0];
	handover->patience_ends = monotonic_ms() + PATIENCE;
}

/* --- until it is ready --- */

int handover_fd(const struct handover *handover)
{
	return handover->socket;
}

int handover_patience(const struct handover *handover)
{
	int64_t left = handover->patience_ends - monotonic_ms();

	if (handover->socket < 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void close_socket(struct handover *handover)
{
	close(handover->socket);
	handover->socket = -1;
}

/* Nobody serves it any more: who waits there learns that now. */
static void end_listening(struct ssv_server *server)
{
	ssv_server_request_stop(server);
	shutdown(server->fd, SHUT_RD);
}

/* Of what the successor has said that it serves. The same order as they were sent in. */
static void give_up_files(struct handover *handover, const char *served, size_t length)
{
	for (size_t i = 0; i < handover->count && i < length; i++) {
		if (served[i] != '1')
			end_listening(handover->handed[i].server);
		else if (handover->handed[i].file != NULL)
			ssv_unix_socket_give_up(handover->handed[i].file);
	}
}

/* A listener that nobody knows: to look at, there is never anybody. */
static int make_quiet_listener(void)
{
	const struct sockaddr_un any_name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (bind(fd, (const struct sockaddr *)&any_name, sizeof(sa_family_t)) < 0 ||
			       listen(fd, 0) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * Threads of the server may still use the number, so it goes on being one. To shut the socket down
 * would hit the successor's, too. Datagrams' is kept: replies go out by it.
 */
void handover_let_go(struct handover *handover)
{
	int quiet = make_quiet_listener();

	for (size_t i = 0; i < handover->count && i < HANDOVER_MAX; i++) {
		struct ssv_server *server = handover->handed[i].server;

		if (server == handover->beside)
			continue;
		ssv_server_request_stop(server);
		if (quiet >= 0 && server->fd >= 0 &&
			ssv_transport_is_stream(server->server_address.transport))
			(void)dup3(quiet, server->fd, O_CLOEXEC);
	}
	if (quiet >= 0)
		close(quiet);
}

static void *reap(void *argument)
{
	pid_t successor = (pid_t)(intptr_t)argument;

	while (waitpid(successor, NULL, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

/* It may end before this one, which may drain for long. */
static void reap_in_time(const struct handover *handover)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, reap, (void *)(intptr_t)handover->successor) == 0)
		pthread_detach(thread);
}

/* The manager learns first who the main process is: from then on it hears the successor. */
static void give_up_duties(struct handover *handover, const char *served, size_t length)
{
	const char yours = HANDOVER_YOURS;

	give_up_files(handover, served, length);
	notify("MAINPID=%d", (int)handover->successor);
	(void)send(handover->socket, &yours, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close_socket(handover);
	pid_file_give_up(handover->pid_file);
	handover_let_go(handover);
	if (handover->beside != NULL)
		ssv_server_close(handover->beside);
	reap_in_time(handover);
	complain("handed over to process %d", (int)handover->successor);
}

/* It is ended, if it is not gone. */
static int end_successor(struct handover *handover)
{
	int status = 0;

	close_socket(handover);
	kill(handover->successor, SIGKILL);
	while (waitpid(handover->successor, &status, 0) < 0 && errno == EINTR)
		;
	pid_file_write(handover->pid_file); /* its number may be in it by now */
	return status;
}

/* One that is ending keeps its status, though it is killed. */
static void fail(struct handover *handover, bool in_time)
{
	int status = end_successor(handover);

	if (!in_time)
		complain("not handed over: the new program was not ready in %d s: this one goes on",
			PATIENCE / 1000);
	else
		complain("not handed over: the new program ended with %s %d: this one goes on",
			WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	notify("READY=1\nSTATUS=the new program did not start");
}

bool handover_is_done(struct handover *handover, bool readable)
{
	char answer[1 + HANDOVER_MAX];
	ssize_t n;

	if (handover->socket < 0)
		return false;
	if (!readable) {
		if (handover_patience(handover) == 0)
			fail(handover, false);
		return false;
	}
	n = recv(handover->socket, answer, sizeof(answer), MSG_DONTWAIT);
	if (n > 0 && answer[0] == HANDOVER_READY) {
		give_up_duties(handover, answer + 1, (size_t)n - 1);
		return true;
	}
	fail(handover, true);
	return false;
}

void handover_cancel(struct handover *handover)
{
	if (handover->socket >= 0)
		end_successor(handover);
}
