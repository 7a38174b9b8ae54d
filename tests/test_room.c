/* handlers/room.h, and chat without connections, with a clock of the test's own. */
#include "../handlers/chat_datagram.h"
#include "../handlers/room.h"
#include "support.h"

#include <string.h>
#include <unistd.h>

static struct room room;
static int64_t time_ms;

static int64_t clock_of_test(void)
{
	return time_ms;
}

static void open_room(void)
{
	room_open(&room);
	room.now = clock_of_test;
	time_ms = 1000;
}

static void close_room(void)
{
	room_close(&room);
}

/* --- packets --- */

static struct ssv_udp_server udp;

static void open_server(void)
{
	struct ssv_address at = address_of("udp://127.0.0.1:0");

	open_room();
	ssv_udp_server_init(&udp, &at, &chat_datagram_handler);
	udp.base.user = &room;
	ck_assert_int_eq(ssv_server_open(&udp.base), 0);
}

static void close_server(void)
{
	ck_assert_int_eq(ssv_server_close(&udp.base), 0);
	close_room();
}

static void put(int client, const char *text)
{
	ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
	ck_assert_int_eq(ssv_server_handle_request(&udp.base), 1);
}

/* Whether it is told what somebody says now; it is told nothing else. */
static bool hears(int client, const char *text)
{
	char heard[64] = "", *said;
	int stranger = connect_to(&udp.base);

	put(stranger, text);
	close(stranger);
	if (recv(client, heard, sizeof(heard) - 1, MSG_DONTWAIT) < 0)
		return false;
	said = strchr(heard, '\n');
	ck_assert_ptr_nonnull(said);
	ck_assert_str_eq(said + 1, text);
	return true;
}

START_TEST(a_member_is_gone_more_than_ten_seconds_after_its_last_ping)
{
	int client = connect_to(&udp.base);

	put(client, "#ping#");
	time_ms += 10000;
	ck_assert(hears(client, "after 10 s"));
	put(client, " #ping#\r\n");
	time_ms += 10000;
	ck_assert(hears(client, "after 10 s again"));
	time_ms += 1;
	ck_assert(!hears(client, "later"));
	ck_assert_uint_eq(room.count, 0);
	put(client, "#ping#");
	ck_assert(hears(client, "back"));
	close(client);
}
END_TEST

START_TEST(speaking_keeps_nobody_in_the_room)
{
	int client = connect_to(&udp.base);

	put(client, "#ping#");
	time_ms += 9000;
	put(client, "I am here");
	ck_assert_int_gt(recv(client, (char[64]){0}, 64, MSG_DONTWAIT), 0);
	time_ms += 2000;
	ck_assert(!hears(client, "later"));
	close(client);
}
END_TEST

START_TEST(pings_of_one_make_one_member)
{
	int client = connect_to(&udp.base);

	for (int i = 0; i < 3; i++)
		put(client, "#ping#");
	ck_assert_uint_eq(room.count, 1);
	ck_assert(hears(client, "once"));
	ck_assert_int_lt(recv(client, (char[64]){0}, 64, MSG_DONTWAIT), 0);
	close(client);
}
END_TEST

/* --- the registry --- */

/* A member that is an address of 127.0.0.1, where nobody listens. */
static struct room_member stranger(uint16_t port)
{
	struct room_member member = {.address = address_of(ANYWHERE), .fd = -1};

	member.address.socket.in.sin_port = port;
	return member;
}

START_TEST(a_full_room_lets_nobody_in_until_one_is_gone)
{
	struct room_member member;

	for (uint16_t i = 0; i < ROOM_SIZE; i++) {
		member = stranger(i);
		ck_assert_int_eq(room_join(&room, &member, i == 7 ? 100 : 200), 0);
	}
	ck_assert_int_eq(room_join(&room, &member, 200), 0); /* it is in already */
	member = stranger(ROOM_SIZE);
	ck_assert_int_eq(room_join(&room, &member, 100), -EUSERS);
	time_ms += 101;
	ck_assert_int_eq(room_join(&room, &member, SSV_FOREVER), 0);
	time_ms += 1000000;
	room_leave(&room, &(struct room_member){.stream = NULL});
	room_say(&room, "name", "text", 4);
	ck_assert_uint_eq(room.count, 0); /* they are gone, or cannot be sent to */
}
END_TEST

START_TEST(a_connection_that_cannot_take_a_whole_message_is_shut_down)
{
	const struct timeval soon = {.tv_sec = 10};
	char text[ROOM_TEXT_SIZE] = "", heard[65536];
	int pair[2], said = 0;
	struct ssv_stream stream;
	ssize_t n, all = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	ssv_stream_open(&stream, pair[0], SSV_UNIX);
	ck_assert_int_eq(
		room_join(&room, &(struct room_member){.stream = &stream}, SSV_FOREVER), 0);
	for (; room.count == 1 && said < 100000; said++)
		room_say(&room, "me", text, sizeof(text));
	ck_assert_int_lt(said, 100000);
	while ((n = read(pair[1], heard, sizeof(heard))) > 0)
		all += n;
	ck_assert_int_eq(n, 0); /* the end, and no message twice or behind a cut one */
	ck_assert_int_le(all, said * (ssize_t)(sizeof(text) + strlen("me\n\n")));
	ck_assert_int_eq(ssv_stream_read(&stream, text, sizeof(text)), 0);
	ssv_stream_close(&stream);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room");
	TCase *packets = topic(suite, "packets"), *registry = topic(suite, "registry");

	tcase_add_checked_fixture(packets, open_server, close_server);
	tcase_add_test(packets, a_member_is_gone_more_than_ten_seconds_after_its_last_ping);
	tcase_add_test(packets, speaking_keeps_nobody_in_the_room);
	tcase_add_test(packets, pings_of_one_make_one_member);
	tcase_add_checked_fixture(registry, open_room, close_room);
	tcase_add_test(registry, a_full_room_lets_nobody_in_until_one_is_gone);
	tcase_add_test(registry, a_connection_that_cannot_take_a_whole_message_is_shut_down);
	return run_suite(suite);
}
