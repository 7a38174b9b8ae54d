/* inet_socket.h: what is bound to an address of the Internet, for TCP and UDP alike. */
#include "classes.h"

#include <fcntl.h>

static union any_server any;
static struct ssv_server *server;

static void make_server(const struct server_class *class, const char *text)
{
	struct ssv_address at = address_of(text);

	server = class->init(&any, &at, &echo_handler);
}

static void allow_reuse(const struct server_class *class, bool of_address, bool of_port)
{
	if (class->is_stream) {
		any.tcp.allow_reuse_address = of_address;
		any.tcp.allow_reuse_port = of_port;
	} else {
		any.udp.allow_reuse_address = of_address;
		any.udp.allow_reuse_port = of_port;
	}
}

static const struct {
	const struct server_class *class;
	const char *anywhere;
} kinds[] = {
	{&classes[TCP_CLASS], "tcp://127.0.0.1:0"},
	{&classes[UDP_CLASS], "udp://127.0.0.1:0"},
};

START_TEST(the_options_are_set_before_the_bind)
{
	const struct server_class *class = kinds[_i / 4].class;
	const bool of_address = _i & 1, of_port = _i & 2;

	make_server(class, kinds[_i / 4].anywhere);
	allow_reuse(class, of_address, of_port);
	ck_assert_int_eq(ssv_server_open(server), 0);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_REUSEADDR), of_address);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_REUSEPORT), of_port);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_BROADCAST), 0);
	ck_assert_int_eq(socket_option(server->fd, SOL_SOCKET, SO_ACCEPTCONN), class->is_stream);
	ck_assert(fcntl(server->fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(ssv_server_close(server), 0);
}
END_TEST

static const struct {
	const struct server_class *class;
	const char *at;
	int error;
} unusable[] = {
	{&classes[TCP_CLASS], "tcp://no-such-host.invalid:0", -ENXIO},
	{&classes[TCP_CLASS], "tcp://192.0.2.1:0", -EADDRNOTAVAIL},
	{&classes[TCP_CLASS], "udp://127.0.0.1:0", -EAFNOSUPPORT},
	{&classes[TCP_CLASS], "unix:/tmp/no-tcp", -EAFNOSUPPORT},
	{&classes[UDP_CLASS], "udp://no-such-host.invalid:0", -ENXIO},
	{&classes[UDP_CLASS], "udp://192.0.2.1:0", -EADDRNOTAVAIL},
	{&classes[UDP_CLASS], "tcp://127.0.0.1:0", -EAFNOSUPPORT},
	{&classes[UDP_CLASS], "unixgram:/tmp/no-udp", -EAFNOSUPPORT},
};

START_TEST(an_address_that_cannot_be_served_is_an_error)
{
	make_server(unusable[_i].class, unusable[_i].at);
	ck_assert_int_eq(ssv_server_open(server), unusable[_i].error);
	ck_assert_int_eq(ssv_server_fileno(server), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inet_socket");
	TCase *tcase = topic(suite, "inet_socket");

	tcase_add_loop_test(tcase, the_options_are_set_before_the_bind, 0, 4 * LENGTH(kinds));
	FOR_EACH(tcase, an_address_that_cannot_be_served_is_an_error, unusable);
	return run_suite(suite);
}
