/* cidr.h: what is a block, what is none and why, and who is in it. */
#include "support.h"

#include <string.h>

static struct ssv_cidr cidr_of(const char *text)
{
	struct ssv_cidr cidr;
	const char *error = NULL;

	ck_assert_msg(ssv_cidr_parse(&cidr, text, &error) == 0, "%s: %s", text, error);
	return cidr;
}

static const struct {
	const char *text;
	sa_family_t family;
	unsigned int length;
} good[] = {
	{"10.0.0.0/8", AF_INET, 8},
	{"0.0.0.0/0", AF_INET, 0},
	{"128.0.0.0/1", AF_INET, 1},
	{"192.0.2.128/25", AF_INET, 25},
	{"192.0.2.254/31", AF_INET, 31},
	{"127.0.0.1/32", AF_INET, 32},
	{"127.0.0.1", AF_INET, 32},
	{"255.255.255.255", AF_INET, 32},
	{"10.0.0.0/08", AF_INET, 8},
	{"2001:db8::/32", AF_INET6, 32},
	{"::/0", AF_INET6, 0},
	{"::1", AF_INET6, 128},
	{"2001:db8::8000:0:0:0/65", AF_INET6, 65},
	{"fe80::/10", AF_INET6, 10},
	{"2001:0db8:0000:0000:0000:0000:192.0.2.1/128", AF_INET6, 128},
};

START_TEST(a_block_is_an_address_and_how_many_of_its_bits_count)
{
	const struct ssv_cidr cidr = cidr_of(good[_i].text);

	ck_assert_uint_eq(cidr.family, good[_i].family);
	ck_assert_uint_eq(cidr.length, good[_i].length);
}
END_TEST

#define NO_ADDRESS "must begin with an IPv4 or IPv6 address"
#define NO_LENGTH_4 "from 0 to 32"
#define NO_LENGTH_6 "from 0 to 128"
#define MORE_BITS "all bits behind the prefix must be 0"

static const struct {
	const char *text, *why;
} bad[] = {
	{"", NO_ADDRESS},
	{"/", NO_ADDRESS},
	{"/8", NO_ADDRESS},
	{"localhost", NO_ADDRESS},
	{"10/8", NO_ADDRESS},
	{"10.0.0/24", NO_ADDRESS},
	{"10.0.0.256", NO_ADDRESS},
	{"10.0.0.0.0/8", NO_ADDRESS},
	{" 10.0.0.0/8", NO_ADDRESS},
	{"10.0.0.0 /8", NO_ADDRESS},
	{"0x0a000000/8", NO_ADDRESS},
	{"tcp://10.0.0.0/8", NO_ADDRESS},
	{"[2001:db8::]/32", NO_ADDRESS},
	{"2001:db8:/32", NO_ADDRESS},
	{"2001:db8::12345/128", NO_ADDRESS},
	{"fe80::1%lo/128", NO_ADDRESS},
	{"2001:0db8:0000:0000:0000:0000:192.000.002.001000000000/128", NO_ADDRESS},
	{"10.0.0.0/", NO_LENGTH_4},
	{"10.0.0.0/33", NO_LENGTH_4},
	{"10.0.0.0/-1", NO_LENGTH_4},
	{"10.0.0.0/+8", NO_LENGTH_4},
	{"10.0.0.0/ 8", NO_LENGTH_4},
	{"10.0.0.0/8 ", NO_LENGTH_4},
	{"10.0.0.0/8/8", NO_LENGTH_4},
	{"10.0.0.0/255.0.0.0", NO_LENGTH_4},
	{"10.0.0.0/4294967304", NO_LENGTH_4},
	{"10.0.0.0/18446744073709551624", NO_LENGTH_4},
	{"2001:db8::/129", NO_LENGTH_6},
	{"2001:db8::/", NO_LENGTH_6},
	{"10.1.0.0/8", MORE_BITS},
	{"192.0.2.1/31", MORE_BITS},
	{"0.0.0.1/0", MORE_BITS},
	{"2001:db8::1/127", MORE_BITS},
	{"2001:db8:8000::/32", MORE_BITS},
	{"::1/0", MORE_BITS},
	{"::ffff:10.0.0.0/104", "without ::ffff:"},
	{"::ffff:0:0/96", "without ::ffff:"},
};

START_TEST(what_is_no_block_or_could_mean_two_is_an_error_that_says_why)
{
	struct ssv_cidr cidr, before;
	const char *error = "nothing";

	memset(&cidr, 'x', sizeof(cidr));
	before = cidr;
	ck_assert_int_eq(ssv_cidr_parse(&cidr, bad[_i].text, &error), -EINVAL);
	ck_assert_msg(strstr(error, bad[_i].why) != NULL, "%s: %s", bad[_i].text, error);
	ck_assert_mem_eq(&cidr, &before, sizeof(cidr));
	ck_assert_int_eq(ssv_cidr_parse(&cidr, bad[_i].text, NULL), -EINVAL);
}
END_TEST

static const struct {
	const char *block, *address;
	bool is_in;
} members[] = {
	{"10.0.0.0/8", "tcp://10.255.1.2:1", true},
	{"10.0.0.0/8", "udp://10.0.0.0:1", true},
	{"10.0.0.0/8", "tcp://11.0.0.0:1", false},
	{"10.0.0.0/8", "tcp://9.255.255.255:1", false},
	{"192.0.2.128/25", "tcp://192.0.2.128:1", true},
	{"192.0.2.128/25", "tcp://192.0.2.255:1", true},
	{"192.0.2.128/25", "tcp://192.0.2.127:1", false},
	{"192.0.2.254/31", "tcp://192.0.2.255:1", true},
	{"192.0.2.254/31", "tcp://192.0.2.253:1", false},
	{"127.0.0.1", "tcp://127.0.0.1:80", true},
	{"127.0.0.1", "tcp://127.0.0.2:80", false},
	{"0.0.0.0/0", "tcp://255.255.255.255:1", true},
	{"2001:db8::/32", "tcp://[2001:db8:ffff::1]:1", true},
	{"2001:db8::/32", "tcp://[2001:db9::1]:1", false},
	{"2001:db8::8000:0:0:0/65", "tcp://[2001:db8::ffff:0:0:1]:1", true},
	{"2001:db8::8000:0:0:0/65", "tcp://[2001:db8::7fff:0:0:1]:1", false},
	{"fe80::/10", "tcp://[febf::1%1]:1", true},
	{"fe80::/10", "tcp://[fec0::1]:1", false},
	{"::1", "tcp://[::1]:1", true},
	{"::1", "tcp://[::2]:1", false},
	{"::/0", "tcp://[ffff::]:1", true},

	/* the other family, and IPv4 in it */
	{"0.0.0.0/0", "tcp://[::]:1", false},
	{"::/0", "tcp://0.0.0.0:1", false},
	{"10.0.0.0/8", "tcp://[a00::]:1", false},
	{"10.0.0.0/8", "tcp://[::ffff:10.1.2.3]:1", true},
	{"::/0", "tcp://[::ffff:10.1.2.3]:1", false},

	/* without an IP address */
	{"0.0.0.0/0", "unix:/tmp/x", false},
	{"::/0", "unixgram:@x", false},
	{"0.0.0.0/0", "tcp://localhost:1", false},
};

START_TEST(an_address_is_in_it_where_the_bits_that_count_are_the_same)
{
	const struct ssv_cidr cidr = cidr_of(members[_i].block);
	const struct ssv_address address = address_of(members[_i].address);

	ck_assert_msg(ssv_cidr_contains(&cidr, &address) == members[_i].is_in, "%s in %s",
		members[_i].address, members[_i].block);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cidr");
	TCase *tcase = topic(suite, "cidr");

	FOR_EACH(tcase, a_block_is_an_address_and_how_many_of_its_bits_count, good);
	FOR_EACH(tcase, what_is_no_block_or_could_mean_two_is_an_error_that_says_why, bad);
	FOR_EACH(tcase, an_address_is_in_it_where_the_bits_that_count_are_the_same, members);
	return run_suite(suite);
}
