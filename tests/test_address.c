#include "support.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_LENGTH(size) ((socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size)))

static void expect_equal(const struct ssv_address *a, const struct ssv_address *b)
{
	ck_assert_int_eq(a->transport, b->transport);
	ck_assert_str_eq(a->name, b->name);
	ck_assert_uint_eq(a->port, b->port);
	ck_assert_uint_eq(a->length, b->length);
	ck_assert_mem_eq(&a->socket, &b->socket, a->length);
}

static void expect_text(const struct ssv_address *address, const char *expected)
{
	char text[SSV_ADDRESS_TEXT_SIZE];

	ck_assert_str_eq(ssv_address_format(address, text), expected);
}

static void expect_error(const char *text, int rc, const char *part)
{
	const char *error = "";
	struct ssv_address address, before;

	memset(&address, 0xa5, sizeof(address));
	before = address;
	ck_assert_msg(ssv_address_parse(&address, text, &error) == rc, "%.100s: %s", text, error);
	ck_assert_msg(strstr(error, part) != NULL, "%.100s: %s", text, error);
	ck_assert_mem_eq(&address, &before, sizeof(address));
	ck_assert_int_eq(ssv_address_parse(&address, text, NULL), rc);
}

/* `prefix`, `count` times `c`, `suffix`: the caller frees it. */
static char *long_text(const char *prefix, char c, size_t count, const char *suffix)
{
	size_t length = strlen(prefix);
	char *text = malloc(length + count + strlen(suffix) + 1);

	memcpy(text, prefix, length);
	memset(text + length, c, count);
	strcpy(text + length + count, suffix);
	return text;
}

static const struct {
	const char *text, *canonical;
} good[] = {
	{"tcp://127.0.0.1:80", "tcp://127.0.0.1:80"},
	{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0"},
	{"tcp://127.0.0.1:00080", "tcp://127.0.0.1:80"},
	{"tcp://255.255.255.255:65535", "tcp://255.255.255.255:65535"},
	{"tcp://0.0.0.0:9", "tcp://0.0.0.0:9"},
	{"udp://127.0.0.1:53", "udp://127.0.0.1:53"},
	{"tcp://:80", "tcp://[::]:80"},
	{"udp://:0", "udp://[::]:0"},
	{"tcp://[::]:80", "tcp://[::]:80"},
	{"tcp://[::1]:80", "tcp://[::1]:80"},
	{"udp://[0:0:0:0:0:0:0:1]:53", "udp://[::1]:53"},
	{"tcp://[2001:DB8::A]:80", "tcp://[2001:db8::a]:80"},
	{"tcp://[::ffff:192.0.2.1]:80", "tcp://[::ffff:192.0.2.1]:80"},
	{"tcp://[::ffff:c000:201]:80", "tcp://[::ffff:192.0.2.1]:80"},
	{"tcp://[fe80::1%lo]:80", "tcp://[fe80::1%lo]:80"},
	{"tcp://[fe80::1%1]:80", "tcp://[fe80::1%lo]:80"},
	{"tcp://[fe80::1%0]:80", "tcp://[fe80::1]:80"},
	{"tcp://[fe80::1%4294967295]:80", "tcp://[fe80::1%4294967295]:80"},
	{"tcp://[fe80::1%no-such_if.0]:80", "tcp://[fe80::1%no-such_if.0]:80"},
	{"tcp://localhost:80", "tcp://localhost:80"},
	{"tcp://Example.COM.:80", "tcp://Example.COM.:80"},
	{"udp://_sip._udp.example.com:5060", "udp://_sip._udp.example.com:5060"},
	{"tcp://3com.example:80", "tcp://3com.example:80"},
	{"tcp://1.2.3.4x:80", "tcp://1.2.3.4x:80"},
	{"tcp://xn--bcher-kva.example:80", "tcp://xn--bcher-kva.example:80"},
	{"unix:/run/echo", "unix:/run/echo"},
	{"unix:echo", "unix:echo"},
	{"unix:///run/echo", "unix:///run/echo"},
	{"unix:tcp://x:80", "unix:tcp://x:80"},
	{"unix:./@x", "unix:./@x"},
	{"unix: \t\n\xff%", "unix: \t\n\xff%"},
	{"unix:@x", "unix:@x"},
	{"unix:@@", "unix:@@"},
	{"unix:@/run/echo", "unix:@/run/echo"},
	{"unixgram:/run/echo", "unixgram:/run/echo"},
	{"unixgram:@x", "unixgram:@x"},
};

START_TEST(an_address_becomes_its_canonical_text)
{
	struct ssv_address address = address_of(good[_i].text);

	expect_text(&address, good[_i].canonical);
}
END_TEST

START_TEST(an_address_survives_the_round_trip_through_text)
{
	struct ssv_address address = address_of(good[_i].text);
	struct ssv_address again = address_of(good[_i].canonical);

	expect_equal(&again, &address);
}
END_TEST

START_TEST(an_address_begins_with_the_name_of_its_transport)
{
	const char *name = ssv_transport_name(address_of(good[_i].text).transport);

	ck_assert_uint_eq(strlen(name), strcspn(good[_i].text, ":"));
	ck_assert_mem_eq(name, good[_i].text, strlen(name));
}
END_TEST

static const struct {
	const char *text, *part;
} bad[] = {
	{"", "begin with"},
	{"::", "begin with"},
	{"tcp", "begin with"},
	{"tcp:", "begin with"},
	{"tcp:/", "begin with"},
	{"TCP://:80", "begin with"},
	{" tcp://:80", "begin with"},
	{"http://localhost:80", "begin with"},
	{"127.0.0.1:80", "begin with"},
	{"/run/echo", "begin with"},
	{"unixstream:/run/echo", "begin with"},
	{"tcp://", "a port must follow"},
	{"tcp://host", "a port must follow"},
	{"tcp://127.0.0.1", "a port must follow"},
	{"tcp://[::1]", "a port must follow"},
	{"tcp://:", "the port must be"},
	{"tcp://host:", "the port must be"},
	{"tcp://host:80x", "the port must be"},
	{"tcp://host:x80", "the port must be"},
	{"tcp://host:-1", "the port must be"},
	{"tcp://host:+80", "the port must be"},
	{"tcp://host:0x50", "the port must be"},
	{"tcp://host: 80", "the port must be"},
	{"tcp://host:80 ", "the port must be"},
	{"tcp://host:80\n", "the port must be"},
	{"tcp://host:80/", "the port must be"},
	{"tcp://host:http", "the port must be"},
	{"tcp://host:000080", "the port must be"},
	{"tcp://[::1]:80x", "the port must be"},
	{"tcp://::1:80", "stand in brackets"},
	{"tcp://:::80", "stand in brackets"},
	{"tcp://[::1:80", "stand in brackets"},
	{"tcp://::1]:80", "stand in brackets"},
	{"tcp://[::1]x:80", "stand in brackets"},
	{"tcp://x[::1]:80", "stand in brackets"},
	{"tcp://fe80::1%lo:80", "stand in brackets"},
	{"tcp://[:80", "stand in brackets"},
	{"tcp://[]:80", "must be an IPv6 address"},
	{"tcp://[1.2.3.4]:80", "must be an IPv6 address"},
	{"tcp://[host]:80", "must be an IPv6 address"},
	{"tcp://[::1]]:80", "must be an IPv6 address"},
	{"tcp://[[::1]:80", "must be an IPv6 address"},
	{"tcp://[::1::]:80", "must be an IPv6 address"},
	{"tcp://[ ::1]:80", "must be an IPv6 address"},
	{"tcp://[%lo]:80", "must be an IPv6 address"},
	{"tcp://[fe80::1%]:80", "the scope must be"},
	{"tcp://[fe80::1%4294967296]:80", "the scope must be"},
	{"tcp://[fe80::1%999999999999999]:80", "the scope must be"},
	{"tcp://[fe80::1%sixteen-letters.]:80", "the scope must be"},
	{"tcp://[fe80::1%a b]:80", "the scope must be"},
	{"tcp://[fe80::1%lo%lo]:80", "the scope must be"},
	{"tcp://1.2.3:80", "four numbers"},
	{"tcp://300.1.1.1:80", "four numbers"},
	{"tcp://1.2.3.4.5:80", "four numbers"},
	{"tcp://1.2.3.4.:80", "four numbers"},
	{"tcp://01.2.3.4:80", "four numbers"},
	{"tcp://16909060:80", "four numbers"},
	{"tcp://.:80", "four numbers"},
	{"tcp://-host:80", "a host name must begin with"},
	{"tcp://.host:80", "a host name must begin with"},
	{"tcp:// :80", "a host name must consist of"},
	{"tcp:// host:80", "a host name must consist of"},
	{"tcp://host :80", "a host name must consist of"},
	{"tcp://127.0.0.1 :80", "a host name must consist of"},
	{"tcp://ho\tst:80", "a host name must consist of"},
	{"tcp://user@host:80", "a host name must consist of"},
	{"tcp:///run/echo:80", "a host name must consist of"},
	{"tcp://*:80", "a host name must consist of"},
	{"tcp://b\xc3\xbc"
	 "cher.example:80",
		"a host name must consist of"},
	{"tcp://host%lo:80", "a host name must consist of"},
	{"unix:", "a path or an @name"},
	{"unix:@", "a path or an @name"},
	{"unixgram:", "a path or an @name"},
	{"unixgram:@", "a path or an @name"},
};

START_TEST(a_wrong_address_is_refused_with_the_part_that_is_wrong)
{
	expect_error(bad[_i].text, -EINVAL, bad[_i].part);
}
END_TEST

START_TEST(a_port_above_65535_is_refused)
{
	expect_error("tcp://127.0.0.1:65536", -EINVAL, "the port must be a number from 0 to 65535");
	expect_error("tcp://127.0.0.1:99999", -EINVAL, "the port must be a number from 0 to 65535");
	expect_error("tcp://localhost:4294967376", -EINVAL, "the port must be");
}
END_TEST

static const struct {
	const char *prefix, *suffix;
	size_t most;
	const char *part;
} bounded[] = {
	{"unix:", "", 107, "107 bytes"},
	{"unix:@", "", 107, "107 bytes"},
	{"unixgram:/", "", 106, "107 bytes"},
	{"unixgram:@", "", 107, "107 bytes"},
	{"tcp://", ":80", 253, "253 characters"},
	{"udp://", ":65535", 253, "253 characters"},
};

START_TEST(the_longest_path_or_name_survives_the_round_trip)
{
	char *text = long_text(bounded[_i].prefix, 'x', bounded[_i].most, bounded[_i].suffix);
	struct ssv_address address = address_of(text);

	ck_assert_uint_lt(strlen(text), SSV_ADDRESS_TEXT_SIZE);
	expect_text(&address, text);
	free(text);
}
END_TEST

START_TEST(a_longer_path_or_name_is_refused)
{
	const size_t more[] = {1, 2, 10240};

	for (int i = 0; i < LENGTH(more); i++) {
		char *text = long_text(
			bounded[_i].prefix, 'x', bounded[_i].most + more[i], bounded[_i].suffix);

		expect_error(text, -ENAMETOOLONG, bounded[_i].part);
		free(text);
	}
}
END_TEST

START_TEST(ten_kilobytes_of_anything_are_refused)
{
	const char bytes[] = "9.:[]%@- \n\xff";

	for (const char *c = bytes; *c != '\0'; c++) {
		char *host = long_text("tcp://", *c, 10240, ":80");
		char *port = long_text("tcp://localhost:", *c, 10240, "");

		expect_error(host, -ENAMETOOLONG, "253 characters");
		ck_assert_int_lt(ssv_address_parse(&(struct ssv_address){0}, port, NULL), 0);
		free(host);
		free(port);
	}
}
END_TEST

START_TEST(an_ipv4_address_is_a_sockaddr_in)
{
	struct ssv_address address = address_of("udp://192.0.2.1:513");

	ck_assert_int_eq(address.transport, SSV_UDP);
	ck_assert_str_eq(address.name, "");
	ck_assert_uint_eq(address.length, sizeof(struct sockaddr_in));
	ck_assert_int_eq(address.socket.in.sin_family, AF_INET);
	ck_assert_uint_eq(address.socket.in.sin_port, htons(513));
	ck_assert_uint_eq(address.socket.in.sin_addr.s_addr, htonl(0xc0000201));
	ck_assert_uint_eq(ssv_address_port(&address), 513);
}
END_TEST

START_TEST(an_ipv6_address_is_a_sockaddr_in6_with_its_scope)
{
	struct ssv_address address = address_of("tcp://[fe80::1%lo]:513");
	const struct sockaddr_in6 *in6 = &address.socket.in6;

	ck_assert_str_eq(address.name, "");
	ck_assert_uint_eq(address.length, sizeof(*in6));
	ck_assert_int_eq(in6->sin6_family, AF_INET6);
	ck_assert_uint_eq(in6->sin6_port, htons(513));
	ck_assert(IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr));
	ck_assert_uint_eq(in6->sin6_scope_id, if_nametoindex("lo"));
	ck_assert_uint_eq(ssv_address_port(&address), 513);
}
END_TEST

START_TEST(a_name_is_kept_with_its_port_and_not_looked_up)
{
	struct ssv_address address = address_of("tcp://localhost:513");

	ck_assert_str_eq(address.name, "localhost");
	ck_assert_uint_eq(address.port, 513);
	ck_assert_uint_eq(address.length, 0);
	ck_assert_uint_eq(ssv_address_port(&address), 513);
}
END_TEST

START_TEST(the_name_of_an_unknown_interface_is_kept)
{
	struct ssv_address address = address_of("tcp://[fe80::1%no-such-if]:513");

	ck_assert_str_eq(address.name, "fe80::1%no-such-if");
	ck_assert_uint_eq(ssv_address_port(&address), 513);
}
END_TEST

START_TEST(a_unix_path_ends_with_nul)
{
	struct ssv_address address = address_of("unix:/x");

	ck_assert_int_eq(address.socket.un.sun_family, AF_UNIX);
	ck_assert_uint_eq(address.length, UNIX_LENGTH(3));
	ck_assert_mem_eq(address.socket.un.sun_path, "/x", 3);
	ck_assert_uint_eq(ssv_address_port(&address), 0);
}
END_TEST

START_TEST(an_abstract_name_begins_with_nul_and_has_none_behind_it)
{
	struct ssv_address address = address_of("unix:@xy");

	ck_assert_int_eq(address.socket.un.sun_family, AF_UNIX);
	ck_assert_uint_eq(address.length, UNIX_LENGTH(3));
	ck_assert_mem_eq(address.socket.un.sun_path, "\0xy", 3);
}
END_TEST

/* From memory of just this size, so that a sanitizer sees whoever reads behind it. */
static struct ssv_address from_socket(
	enum ssv_transport transport, const void *socket, socklen_t length, size_t size)
{
	struct sockaddr *copy = malloc(size);
	struct ssv_address address;

	memcpy(copy, socket, size);
	memset(&address, 0xa5, sizeof(address));
	ssv_address_from_socket(&address, transport, copy, length);
	free(copy);
	return address;
}

static struct ssv_address from_unix(const char *path, size_t size)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memcpy(un.sun_path, path, size);
	return from_socket(SSV_UNIX, &un, UNIX_LENGTH(size), UNIX_LENGTH(size));
}

START_TEST(what_a_socket_gives_is_the_address_that_was_parsed)
{
	struct ssv_address address = address_of(good[_i].text), again;

	if (address.length == 0 || strstr(good[_i].text, "ffff:") != NULL)
		return;
	again = from_socket(address.transport, &address.socket, address.length, address.length);
	expect_equal(&again, &address);
}
END_TEST

START_TEST(the_socket_may_be_that_of_the_address_itself)
{
	struct ssv_address address = address_of("tcp://[::ffff:192.0.2.1]:80");

	ssv_address_from_socket(&address, SSV_UDP, &address.socket.any, address.length);
	expect_text(&address, "udp://192.0.2.1:80");
}
END_TEST

START_TEST(a_mapped_ipv4_client_becomes_plain_ipv4)
{
	struct ssv_address mapped = address_of("tcp://[::ffff:192.0.2.1]:80");
	struct ssv_address plain = address_of("tcp://192.0.2.1:80");
	struct ssv_address address =
		from_socket(SSV_TCP, &mapped.socket, mapped.length, mapped.length);

	expect_equal(&address, &plain);
}
END_TEST

START_TEST(what_fills_up_an_ipv4_address_is_no_part_of_it)
{
	struct ssv_address plain = address_of("tcp://192.0.2.1:80"), filled = plain, address;

	filled.socket.in.sin_zero[0] = 'x';
	address = from_socket(SSV_TCP, &filled.socket, filled.length, filled.length);
	expect_equal(&address, &plain);
}
END_TEST

START_TEST(an_unnamed_unix_client_is_only_its_transport)
{
	struct ssv_address address = from_unix("", 0);

	ck_assert_uint_eq(address.length, sizeof(sa_family_t));
	expect_text(&address, "unix:");
	ssv_address_from_socket(&address, SSV_UNIXGRAM, NULL, 0);
	ck_assert_uint_eq(address.length, 0);
	expect_text(&address, "unixgram:");
}
END_TEST

START_TEST(a_path_that_begins_with_at_is_not_taken_for_an_abstract_name)
{
	struct ssv_address address = from_unix("@x", 3);

	expect_text(&address, "unix:./@x");
}
END_TEST

START_TEST(a_nul_in_an_abstract_name_is_shown_as_at)
{
	struct ssv_address address = from_unix("\0a\0b\0", 5);

	ck_assert_uint_eq(address.length, UNIX_LENGTH(5));
	expect_text(&address, "unix:@a@b@");
}
END_TEST

START_TEST(a_path_may_fill_all_108_bytes_without_nul)
{
	char *text = long_text("unix:", 'x', 108, "");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ssv_address address;

	memset(un.sun_path, 'x', sizeof(un.sun_path));
	address = from_socket(SSV_UNIX, &un, sizeof(un), sizeof(un));
	expect_text(&address, text);
	address = from_socket(SSV_UNIX, &un, sizeof(un) + 1, sizeof(un)); /* getsockname(2) */
	expect_text(&address, text);
	free(text);
}
END_TEST

START_TEST(the_longest_odd_path_fits_the_text)
{
	char path[108];
	struct ssv_address address;
	char text[SSV_ADDRESS_TEXT_SIZE];

	memset(path, '@', sizeof(path));
	address = from_unix(path, sizeof(path));
	address.transport = SSV_UNIXGRAM;
	ck_assert_uint_eq(strlen(ssv_address_format(&address, text)), strlen("unixgram:./") + 108);
}
END_TEST

START_TEST(an_address_cut_short_is_none)
{
	struct ssv_address whole = address_of(_i == 0 ? "tcp://192.0.2.1:80" : "tcp://[::2]:80");

	for (socklen_t length = 1; length < whole.length; length++) {
		struct ssv_address address = from_socket(SSV_TCP, &whole.socket, length, length);

		ck_assert_uint_eq(address.length, 0);
		ck_assert_uint_eq(ssv_address_port(&address), 0);
		expect_text(&address, "tcp://?:0");
	}
}
END_TEST

START_TEST(a_unix_address_of_any_length_can_be_formatted)
{
	struct ssv_address whole = address_of(_i == 0 ? "unix:/run/echo" : "unix:@abstract");

	for (socklen_t length = 1; length <= whole.length; length++) {
		struct ssv_address address = from_socket(SSV_UNIX, &whole.socket, length, length);
		char text[SSV_ADDRESS_TEXT_SIZE];

		ssv_address_format(&address, text);
		ck_assert_mem_eq(text, _i == 0 ? "unix:/run/echo" : "unix:@abstract", strlen(text));
	}
}
END_TEST

START_TEST(an_address_of_another_family_than_its_transport_is_none)
{
	struct ssv_address un = address_of("unix:/run/echo"), in = address_of("tcp://127.0.0.1:80");
	struct ssv_address address = from_socket(SSV_TCP, &un.socket, un.length, un.length);

	expect_text(&address, "tcp://?:0");
	address = from_socket(SSV_UNIX, &in.socket, in.length, in.length);
	expect_text(&address, "unix:");
}
END_TEST

START_TEST(tcp_and_unix_carry_streams)
{
	ck_assert(ssv_transport_is_stream(SSV_TCP));
	ck_assert(ssv_transport_is_stream(SSV_UNIX));
	ck_assert(!ssv_transport_is_stream(SSV_UDP));
	ck_assert(!ssv_transport_is_stream(SSV_UNIXGRAM));
}
END_TEST

/* --- the loopback --- */

static const struct {
	const char *at;
	int is_loopback;
} places[] = {
	{"udp://127.0.0.1:1", 1},
	{"tcp://127.255.255.254:0", 1},
	{"udp://[::1]:1", 1},
	{"udp://localhost:1", 1},
	{"udp://:1", 0},
	{"udp://[::]:1", 0},
	{"udp://0.0.0.0:1", 0},
	{"udp://128.0.0.1:1", 0},
	{"udp://126.255.255.255:1", 0},
	{"udp://[::2]:1", 0},
	{"udp://[::127.0.0.1]:1", 0},
	{"udp://[2001:db8::1]:1", 0},
	{"unix:/tmp/127.0.0.1", 0},
	{"udp://no-such-host.invalid:1", -ENXIO},
};

START_TEST(what_this_host_alone_can_reach_is_the_loopback)
{
	struct ssv_address at = address_of(places[_i].at);

	ck_assert_int_eq(ssv_address_is_loopback(&at), places[_i].is_loopback);
}
END_TEST

static void add_parsing(TCase *tests)
{
	FOR_EACH(tests, an_address_becomes_its_canonical_text, good);
	FOR_EACH(tests, an_address_survives_the_round_trip_through_text, good);
	FOR_EACH(tests, an_address_begins_with_the_name_of_its_transport, good);
	FOR_EACH(tests, a_wrong_address_is_refused_with_the_part_that_is_wrong, bad);
	tcase_add_test(tests, a_port_above_65535_is_refused);
	FOR_EACH(tests, the_longest_path_or_name_survives_the_round_trip, bounded);
	FOR_EACH(tests, a_longer_path_or_name_is_refused, bounded);
	tcase_add_test(tests, ten_kilobytes_of_anything_are_refused);
	tcase_add_test(tests, an_ipv4_address_is_a_sockaddr_in);
	tcase_add_test(tests, an_ipv6_address_is_a_sockaddr_in6_with_its_scope);
	tcase_add_test(tests, a_name_is_kept_with_its_port_and_not_looked_up);
	tcase_add_test(tests, the_name_of_an_unknown_interface_is_kept);
	tcase_add_test(tests, a_unix_path_ends_with_nul);
	tcase_add_test(tests, an_abstract_name_begins_with_nul_and_has_none_behind_it);
	tcase_add_test(tests, tcp_and_unix_carry_streams);
}

static void add_from_sockets(TCase *tests)
{
	FOR_EACH(tests, what_a_socket_gives_is_the_address_that_was_parsed, good);
	tcase_add_test(tests, the_socket_may_be_that_of_the_address_itself);
	tcase_add_test(tests, a_mapped_ipv4_client_becomes_plain_ipv4);
	tcase_add_test(tests, what_fills_up_an_ipv4_address_is_no_part_of_it);
	tcase_add_test(tests, an_unnamed_unix_client_is_only_its_transport);
	tcase_add_test(tests, a_path_that_begins_with_at_is_not_taken_for_an_abstract_name);
	tcase_add_test(tests, a_nul_in_an_abstract_name_is_shown_as_at);
	tcase_add_test(tests, a_path_may_fill_all_108_bytes_without_nul);
	tcase_add_test(tests, the_longest_odd_path_fits_the_text);
	tcase_add_loop_test(tests, an_address_cut_short_is_none, 0, 2);
	tcase_add_loop_test(tests, a_unix_address_of_any_length_can_be_formatted, 0, 2);
	tcase_add_test(tests, an_address_of_another_family_than_its_transport_is_none);
}

static void add_loopback(TCase *tests)
{
	FOR_EACH(tests, what_this_host_alone_can_reach_is_the_loopback, places);
}

int main(void)
{
	Suite *suite = suite_create("address");

	add_parsing(topic(suite, "parsing"));
	add_from_sockets(topic(suite, "socket to address"));
	add_loopback(topic(suite, "loopback"));
	return run_suite(suite);
}
