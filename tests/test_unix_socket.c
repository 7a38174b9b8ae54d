/* unix_socket.h: the file of a Unix socket, on each class of Unix servers. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

enum { STREAM, DATAGRAM, CLASSES };

union unix_server {
	struct ssv_unix_stream_server stream;
	struct ssv_unix_datagram_server datagram;
};

static union unix_server first, second;
static struct ssv_server *server;
static struct ssv_unix_socket *file;
static struct ssv_address at;

static struct ssv_server *init(union unix_server *of, int class)
{
	if (class == STREAM) {
		ssv_unix_stream_server_init(&of->stream, &at, &echo_handler);
		return &of->stream.base;
	}
	ssv_unix_datagram_server_init(&of->datagram, &at, &echo_handler);
	return &of->datagram.base;
}

static struct ssv_unix_socket *file_of(union unix_server *of, int class)
{
	return class == STREAM ? &of->stream.file : &of->datagram.file;
}

static void make_server(int class)
{
	at = address_in_directory(class == STREAM ? SSV_UNIX : SSV_UNIXGRAM);
	server = init(&first, class);
	file = file_of(&first, class);
}

static void open_server(int class)
{
	make_server(class);
	ck_assert_int_eq(ssv_server_open(server), 0);
}

static void close_server(void)
{
	ck_assert_int_eq(ssv_server_close(server), 0);
}

static const char *path(void)
{
	return at.socket.un.sun_path;
}

static struct stat look(void)
{
	struct stat found;

	ck_assert_msg(lstat(path(), &found) == 0, "%s: %s", path(), strerror(errno));
	return found;
}

static bool is_there(void)
{
	return access(path(), F_OK) == 0;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
	       one->st_mode == other->st_mode && one->st_size == other->st_size;
}

static void expect_served(struct ssv_server *of)
{
	struct served served;
	int client;

	serve(&served, of);
	client = connect_to(of);
	ask(client, "served", "served");
	close(client);
	ck_assert_int_eq(ssv_server_shutdown(of), 0);
	ck_assert_int_eq(result_of(&served), 0);
}

/* What a server that was killed leaves behind. */
static void leave_stale_file(int type)
{
	int fd = socket(AF_UNIX, type, 0);

	ck_assert_int_eq(bind(fd, &at.socket.any, at.length), 0);
	close(fd);
}

/* What a child exits with: how many of its checks failed. */
static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- mode and owner --- */

static const struct {
	mode_t umask, mode, result;
} modes[] = {
	{0, 0, 0600}, /* 0: the default */
	{022, 0, 0600},
	{077, 0, 0600},
	{0, 0666, 0666},
	{0, 0660, 0660},
	{022, 0666, 0644},
	{022, 0660, 0640},
	{077, 0666, 0600},
	{077, 0777, 0700},
};

START_TEST(the_file_has_the_mode_less_the_umask_and_the_umask_stays)
{
	const int class = _i % CLASSES, row = _i / CLASSES;
	mode_t before = umask(modes[row].umask);

	make_server(class);
	if (modes[row].mode != 0)
		file->mode = modes[row].mode;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_uint_eq(look().st_mode, S_IFSOCK | modes[row].result);
	ck_assert_uint_eq(umask(before), modes[row].umask);
	close_server();
}
END_TEST

static int connect_as(uid_t user)
{
	int fd = socket(AF_UNIX, at.transport == SSV_UNIX ? SOCK_STREAM : SOCK_DGRAM, 0);

	if (setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0)
		return -errno;
	return connect(fd, &at.socket.any, at.length) < 0 ? -errno : 0;
}

START_TEST(another_user_is_refused_unless_the_mode_lets_them_in)
{
	pid_t child;

	if (geteuid() != 0)
		return;
	chmod(test_directory, 0755);
	make_server(_i % CLASSES);
	if (_i >= CLASSES)
		file->mode = 0666;
	umask(0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	child = fork();
	if (child == 0)
		_exit(-connect_as(NOBODY));
	ck_assert_int_eq(status_of(child), _i >= CLASSES ? 0 : EACCES);
	close_server();
}
END_TEST

START_TEST(the_file_gets_its_owner_and_group)
{
	if (geteuid() != 0)
		return;
	make_server(_i);
	file->uid = NOBODY;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_uint_eq(look().st_uid, NOBODY);
	ck_assert_uint_eq(look().st_gid, getegid());
	close_server();
	file->gid = 1;
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_uint_eq(look().st_uid, NOBODY);
	ck_assert_uint_eq(look().st_gid, 1);
	ck_assert_uint_eq(look().st_mode, S_IFSOCK | 0600);
	close_server();
}
END_TEST

START_TEST(an_owner_that_may_not_be_given_fails_the_open_and_leaves_no_file)
{
	chmod(test_directory, 0777);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	make_server(_i);
	file->uid = 1;
	ck_assert_int_eq(ssv_server_open(server), -EPERM);
	ck_assert(!is_there());
	ck_assert_int_eq(ssv_server_fileno(server), -1);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* --- what is there already --- */

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
#define TYPES 3

START_TEST(a_stale_file_is_replaced)
{
	make_server(_i % CLASSES);
	leave_stale_file(types[_i / CLASSES]);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_uint_eq(look().st_mode, S_IFSOCK | 0600);
	expect_served(server);
	close_server();
	ck_assert(!is_there());
}
END_TEST

START_TEST(a_stale_file_is_left_alone_where_that_is_asked_for)
{
	struct stat before, after;

	make_server(_i);
	leave_stale_file(SOCK_STREAM);
	before = look();
	file->replace_stale = false;
	ck_assert_int_eq(ssv_server_open(server), -EADDRINUSE);
	after = look();
	ck_assert(is_same(&before, &after));
	unlink(path());
}
END_TEST

/* Also one that does not listen, not yet or not any more. */
START_TEST(a_live_socket_of_any_kind_is_never_replaced_nor_disturbed)
{
	const int type = types[_i / CLASSES];
	int fd, steps;
	struct stat before, after;

	make_server(_i % CLASSES);
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, &at.socket.any, at.length), 0);
	before = look();
	for (steps = 0; steps < 3; steps++) {
		ck_assert_int_eq(ssv_server_open(server), -EADDRINUSE);
		after = look();
		ck_assert(is_same(&before, &after));
		if (type != SOCK_DGRAM && steps == 0) {
			ck_assert_int_eq(listen(fd, 1), 0);
		} else if (type != SOCK_DGRAM && steps == 1) {
			ck_assert_int_eq(accept(fd, NULL, NULL), -1);
			ck_assert_int_eq(errno, EAGAIN);
			shutdown(fd, SHUT_RDWR);
		}
	}
	close(fd);
	unlink(path());
}
END_TEST

START_TEST(a_live_server_stays_and_goes_on)
{
	open_server(_i);
	ck_assert_int_eq(ssv_server_open(init(&second, _i)), -EADDRINUSE);
	ck_assert_int_eq(ssv_server_open(init(&second, !_i)), -EAFNOSUPPORT);
	at.transport = _i == STREAM ? SSV_UNIXGRAM : SSV_UNIX;
	ck_assert_int_eq(ssv_server_open(init(&second, !_i)), -EADDRINUSE);
	expect_served(server);
	close_server();
}
END_TEST

static char victim[64];

static void put_regular_file(void)
{
	int fd = open(path(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	ck_assert_int_eq(write(fd, "precious", 8), 8);
	close(fd);
}

static void put_directory(void)
{
	ck_assert_int_eq(mkdir(path(), 0755), 0);
}

static void put_fifo(void)
{
	ck_assert_int_eq(mkfifo(path(), 0644), 0);
}

static void put_dangling_link(void)
{
	ck_assert_int_eq(symlink(victim, path()), 0);
}

/* Even to what could be replaced, were it at the path itself. */
static void put_link_to_stale_socket(void)
{
	leave_stale_file(SOCK_STREAM);
	ck_assert_int_eq(rename(path(), victim), 0);
	put_dangling_link();
}

static void (*const obstacles[])(void) = {
	put_regular_file, put_directory, put_fifo, put_dangling_link, put_link_to_stale_socket};
#define OBSTACLES 5

START_TEST(what_is_no_socket_is_refused_and_not_touched)
{
	struct stat before, after;
	bool had_victim;

	make_server(_i % CLASSES);
	snprintf(victim, sizeof(victim), "%s/victim", test_directory);
	obstacles[_i / CLASSES]();
	had_victim = access(victim, F_OK) == 0;
	before = look();
	ck_assert_int_eq(ssv_server_open(server), -EEXIST);
	file->replace_stale = false;
	ck_assert_int_eq(ssv_server_open(server), -EEXIST);
	after = look();
	ck_assert(is_same(&before, &after));
	ck_assert_int_eq(access(victim, F_OK) == 0, had_victim);
	remove(path());
	unlink(victim);
}
END_TEST

START_TEST(where_there_is_no_directory_the_system_says_so)
{
	make_server(_i);
	strcat(at.socket.un.sun_path, "/x");
	at.length += 2;
	server = init(&first, _i);
	ck_assert_int_eq(ssv_server_open(server), -ENOENT);
}
END_TEST

/* With each number of descriptors, until there are enough. */
START_TEST(an_open_that_fails_leaves_no_file)
{
	struct rlimit before, limit;
	int rc = -EMFILE, lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	for (limit.rlim_cur = (rlim_t)lowest; rc < 0; limit.rlim_cur++) {
		make_server(_i);
		file->uid = geteuid();
		file->replace_stale = limit.rlim_cur % 2 == 0;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		rc = ssv_server_open(server);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		ck_assert_msg(rc == 0 || rc == -EMFILE, "%s", strerror(-rc));
		ck_assert(is_there() == (rc == 0));
	}
	ck_assert_int_gt(limit.rlim_cur, lowest + 3);
	close_server();
}
END_TEST

/* The path is not taken from anybody then, but taken all the same. */
START_TEST(in_a_directory_that_cannot_be_read_nothing_is_replaced)
{
	if (geteuid() == 0)
		ck_assert_int_eq(chown(test_directory, NOBODY, (gid_t)-1), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	ck_assert_int_eq(chmod(test_directory, 0300), 0);
	open_server(_i);
	expect_served(server);
	close_server();
	ck_assert(!is_there());
	leave_stale_file(SOCK_STREAM);
	ck_assert_int_eq(ssv_server_open(server), -EADDRINUSE);
	unlink(path());
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(who_keeps_the_directory_locked_stops_neither_an_open_nor_a_close)
{
	int lock = open(test_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	open_server(_i);
	close_server();
	ck_assert(!is_there());
	close(lock);
}
END_TEST

/* --- names --- */

START_TEST(a_path_of_107_bytes_is_served_and_a_longer_one_is_none)
{
	char text[128];
	size_t before = (size_t)snprintf(
		text, sizeof(text), "unix%s:%s/", _i == STREAM ? "" : "gram", test_directory);
	size_t prefix = strchr(text, ':') + 1 - text;

	memset(text + before, 'x', 107 + prefix - before);
	strcpy(text + prefix + 107, "x");
	ck_assert_int_eq(ssv_address_parse(&at, text, NULL), -ENAMETOOLONG);
	text[prefix + 107] = '\0';
	at = address_of(text);
	server = init(&first, _i);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_str_eq(path(), text + prefix);
	ck_assert(is_there());
	expect_served(server);
	close_server();
	ck_assert(!is_there());
}
END_TEST

START_TEST(a_relative_path_is_served)
{
	char *before = getcwd(NULL, 0);

	ck_assert_int_eq(chdir(test_directory), 0);
	at = address_of(_i == STREAM ? "unix:here" : "unixgram:here");
	server = init(&first, _i);
	leave_stale_file(SOCK_STREAM);
	ck_assert_int_eq(ssv_server_open(server), 0);
	expect_served(server);
	close_server();
	ck_assert(!is_there());
	ck_assert_int_eq(chdir(before), 0);
	free(before);
}
END_TEST

START_TEST(an_abstract_name_needs_no_file)
{
	char text[64];

	snprintf(text, sizeof(text), "unix%s:@ssv-test-%d", _i == STREAM ? "" : "gram", getpid());
	at = address_of(text);
	server = init(&first, _i);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_open(init(&second, _i)), -EADDRINUSE);
	expect_served(server);
	close_server();
	ck_assert_int_eq(ssv_server_open(server), 0);
	close_server();
}
END_TEST

/* --- the end --- */

START_TEST(close_leaves_the_file_of_a_successor)
{
	struct ssv_server *successor;
	struct stat made, left;

	open_server(_i);
	ck_assert_int_eq(unlink(path()), 0);
	successor = init(&second, _i);
	ck_assert_int_eq(ssv_server_open(successor), 0);
	made = look();
	close_server();
	left = look();
	ck_assert(is_same(&made, &left));
	expect_served(successor);
	ck_assert_int_eq(ssv_server_close(successor), 0);
	ck_assert(!is_there());
	ck_assert_int_eq(ssv_server_close(server), 0); /* harmless twice */
}
END_TEST

START_TEST(close_does_not_miss_a_file_that_is_gone)
{
	open_server(_i);
	ck_assert_int_eq(unlink(path()), 0);
	close_server();
	ck_assert_int_eq(ssv_server_open(server), 0);
	close_server();
}
END_TEST

START_TEST(a_forked_child_that_closes_or_exits_does_not_remove_the_file)
{
	pid_t child;

	open_server(_i);
	child = fork();
	if (child == 0)
		_exit(ssv_server_close(server));
	ck_assert_int_eq(status_of(child), 0);
	ck_assert(is_there());
	expect_served(server);
	close_server();
	ck_assert(!is_there());
}
END_TEST

static int adopt(union unix_server *of, int class, int fd)
{
	return class == STREAM ? ssv_unix_stream_server_adopt(&of->stream, fd)
			       : ssv_unix_datagram_server_adopt(&of->datagram, fd);
}

START_TEST(the_file_of_an_adopted_socket_is_left_alone)
{
	int fd;

	make_server(_i);
	fd = socket(AF_UNIX, _i == STREAM ? SOCK_STREAM : SOCK_DGRAM, 0);
	ck_assert_int_eq(adopt(&first, _i, fd), -EINVAL); /* it has no name yet */
	ck_assert_int_eq(adopt(&first, !_i, fd), -EPROTOTYPE);
	ck_assert_int_eq(bind(fd, &at.socket.any, at.length), 0);
	ck_assert_int_eq(adopt(&first, _i, fd), 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(ssv_server_fileno(server), fd);
	expect_served(server);
	close_server();
	ck_assert(is_there());
	ck_assert_int_eq(ssv_server_open(server), 0); /* a socket of its own: the other is stale */
	close_server();
	ck_assert(!is_there());
}
END_TEST

START_TEST(the_file_goes_with_the_socket_to_a_successor)
{
	struct ssv_server *successor;

	open_server(_i);
	successor = init(&second, _i);
	ck_assert_int_eq(adopt(&second, _i, dup(server->fd)), 0);
	server->shared = true;
	ck_assert_int_eq(ssv_server_open(successor), 0);
	ck_assert_int_eq(ssv_unix_socket_take_over(
				 file_of(&second, _i), successor, file->device, file->inode),
		0);
	ssv_unix_socket_give_up(file);
	ck_assert_int_eq(file->inode, 0);
	close_server();
	ck_assert(is_there());
	expect_served(successor);
	ck_assert_int_eq(ssv_server_close(successor), 0);
	ck_assert(!is_there());
}
END_TEST

START_TEST(the_file_of_a_server_is_told_while_it_is_open)
{
	struct stat made;

	make_server(_i);
	ck_assert_int_eq(file->inode, 0);
	ck_assert_int_eq(ssv_server_open(server), 0);
	made = look();
	ck_assert(file->device == made.st_dev && file->inode == made.st_ino);
	close_server();
	ck_assert_int_eq(file->inode, 0);
}
END_TEST

static void make_plain_file(void)
{
	close(open(path(), O_CREAT | O_WRONLY, 0600));
}

static void leave_socket_of_another(void)
{
	leave_stale_file(SOCK_STREAM);
}

static void leave_nothing(void)
{
}

static void (*const others[])(void) = {leave_nothing, make_plain_file, leave_socket_of_another};

/* What is there stays, though the server that was refused it closes. */
START_TEST(no_other_file_than_its_predecessors_is_taken_over)
{
	struct ssv_server *successor;
	struct stat other, left;
	bool there;

	open_server(_i % CLASSES);
	successor = init(&second, _i % CLASSES);
	ck_assert_int_eq(adopt(&second, _i % CLASSES, dup(server->fd)), 0);
	server->shared = true;
	ck_assert_int_eq(ssv_server_open(successor), 0);
	ck_assert_int_eq(unlink(path()), 0);
	others[_i / CLASSES]();
	there = is_there();
	other = there ? look() : (struct stat){0};
	ck_assert_int_eq(ssv_unix_socket_take_over(file_of(&second, _i % CLASSES), successor,
				 file->device, file->inode),
		-ENOENT);
	ck_assert_int_eq(file_of(&second, _i % CLASSES)->inode, 0);
	ssv_unix_socket_give_up(file);
	close_server();
	ck_assert_int_eq(ssv_server_close(successor), 0);
	ck_assert(is_there() == there);
	left = there ? look() : other;
	ck_assert(is_same(&other, &left));
	unlink(path());
}
END_TEST

START_TEST(who_had_no_file_hands_none_on)
{
	open_server(_i);
	ck_assert_int_eq(ssv_unix_socket_take_over(file, server, 0, 0), -ENOENT);
	close_server();
	ck_assert(!is_there());
}
END_TEST

/* --- races --- */

struct starter {
	union unix_server of;
	struct ssv_server *server;
	pthread_barrier_t *together;
	int rc;
};

static void *open_together(void *context)
{
	struct starter *starter = context;

	pthread_barrier_wait(starter->together);
	starter->rc = ssv_server_open(starter->server);
	return NULL;
}

/* A bare connect, which a server that has lost its file does not get. */
static void expect_reachable(int class)
{
	int fd = socket(AF_UNIX, class == STREAM ? SOCK_STREAM : SOCK_DGRAM, 0);

	ck_assert_int_eq(connect(fd, &at.socket.any, at.length), 0);
	close(fd);
}

#define RACES (under_valgrind() ? 20 : 400)
#define STARTERS 3

START_TEST(of_many_that_start_at_once_exactly_one_gets_the_path)
{
	static struct starter starters[STARTERS];
	pthread_t threads[STARTERS];
	pthread_barrier_t together;
	int race, i, won;

	make_server(_i);
	pthread_barrier_init(&together, NULL, STARTERS);
	for (race = 0; race < RACES; race++) {
		if (race % 2 == 0)
			leave_stale_file(SOCK_STREAM);
		for (i = 0, won = 0; i < STARTERS; i++) {
			starters[i].server = init(&starters[i].of, _i);
			starters[i].together = &together;
			pthread_create(&threads[i], NULL, open_together, &starters[i]);
		}
		for (i = 0; i < STARTERS; i++) {
			pthread_join(threads[i], NULL);
			ck_assert(starters[i].rc == 0 || starters[i].rc == -EADDRINUSE);
			won += starters[i].rc == 0;
		}
		ck_assert_int_eq(won, 1);
		expect_reachable(_i);
		for (i = 0; i < STARTERS; i++)
			ck_assert_int_eq(ssv_server_close(starters[i].server), 0);
		ck_assert(!is_there());
	}
	pthread_barrier_destroy(&together);
}
END_TEST

static int gate[2], told[2], end[2];

/* In a process of its own: opens when the gate opens, tells, and ends without a close. */
static void open_and_die(struct ssv_server *mine)
{
	int rc;

	if (read(gate[0], &(char){0}, 1) != 1)
		_exit(1);
	rc = ssv_server_open(mine);
	if (write(told[1], &rc, sizeof(rc)) != sizeof(rc) || read(end[0], &(char){0}, 1) != 1)
		_exit(1);
	_exit(0);
}

static void race_processes(int class)
{
	pid_t children[2];
	int rc, i, won = 0;

	for (i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			open_and_die(init(&second, class));
	}
	ck_assert_int_eq(write(gate[1], "go", 2), 2);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(read(told[0], &rc, sizeof(rc)), sizeof(rc));
		ck_assert(rc == 0 || rc == -EADDRINUSE);
		won += rc == 0;
	}
	ck_assert_int_eq(won, 1);
	expect_reachable(class);
	ck_assert_int_eq(write(end[1], "go", 2), 2);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(status_of(children[i]), 0);
}

/* Each of them finds the file that the one before, killed, has left. */
START_TEST(of_two_processes_that_start_at_once_exactly_one_gets_the_path)
{
	int *const pipes[] = {gate, told, end}, i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pipe(pipes[i]), 0);
	make_server(_i);
	for (i = 0; i < RACES; i++)
		race_processes(_i);
	for (i = 0; i < 6; i++)
		close(pipes[i / 2][i % 2]);
	unlink(path());
}
END_TEST

#define ON_EACH_CLASS(tcase, test, count) tcase_add_loop_test(tcase, test, 0, (count)*CLASSES)

static void add_tests(TCase *tcase)
{
	ON_EACH_CLASS(
		tcase, the_file_has_the_mode_less_the_umask_and_the_umask_stays, LENGTH(modes));
	ON_EACH_CLASS(tcase, another_user_is_refused_unless_the_mode_lets_them_in, 2);
	ON_EACH_CLASS(tcase, the_file_gets_its_owner_and_group, 1);
	ON_EACH_CLASS(tcase, an_owner_that_may_not_be_given_fails_the_open_and_leaves_no_file, 1);
	ON_EACH_CLASS(tcase, a_stale_file_is_replaced, TYPES);
	ON_EACH_CLASS(tcase, a_stale_file_is_left_alone_where_that_is_asked_for, 1);
	ON_EACH_CLASS(tcase, a_live_socket_of_any_kind_is_never_replaced_nor_disturbed, TYPES);
	ON_EACH_CLASS(tcase, a_live_server_stays_and_goes_on, 1);
	ON_EACH_CLASS(tcase, what_is_no_socket_is_refused_and_not_touched, OBSTACLES);
	ON_EACH_CLASS(tcase, where_there_is_no_directory_the_system_says_so, 1);
	ON_EACH_CLASS(tcase, an_open_that_fails_leaves_no_file, 1);
	ON_EACH_CLASS(tcase, in_a_directory_that_cannot_be_read_nothing_is_replaced, 1);
	ON_EACH_CLASS(tcase, who_keeps_the_directory_locked_stops_neither_an_open_nor_a_close, 1);
	ON_EACH_CLASS(tcase, a_path_of_107_bytes_is_served_and_a_longer_one_is_none, 1);
	ON_EACH_CLASS(tcase, a_relative_path_is_served, 1);
	ON_EACH_CLASS(tcase, an_abstract_name_needs_no_file, 1);
	ON_EACH_CLASS(tcase, close_leaves_the_file_of_a_successor, 1);
	ON_EACH_CLASS(tcase, close_does_not_miss_a_file_that_is_gone, 1);
	ON_EACH_CLASS(tcase, a_forked_child_that_closes_or_exits_does_not_remove_the_file, 1);
	ON_EACH_CLASS(tcase, the_file_of_an_adopted_socket_is_left_alone, 1);
	ON_EACH_CLASS(tcase, the_file_goes_with_the_socket_to_a_successor, 1);
	ON_EACH_CLASS(tcase, the_file_of_a_server_is_told_while_it_is_open, 1);
	ON_EACH_CLASS(tcase, no_other_file_than_its_predecessors_is_taken_over, LENGTH(others));
	ON_EACH_CLASS(tcase, who_had_no_file_hands_none_on, 1);
	ON_EACH_CLASS(tcase, of_many_that_start_at_once_exactly_one_gets_the_path, 1);
	ON_EACH_CLASS(tcase, of_two_processes_that_start_at_once_exactly_one_gets_the_path, 1);
}

int main(void)
{
	Suite *suite = suite_create("unix_socket");
	TCase *tcase = topic(suite, "unix_socket");

	tcase_set_timeout(tcase, 10);
	tcase_add_checked_fixture(tcase, make_directory, expect_empty_directory);
	add_tests(tcase);
	return run_suite(suite);
}
