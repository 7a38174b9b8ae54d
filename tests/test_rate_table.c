/* rate_table.h: what a source may, whatever others do; and the hash that the table stands on. */
#include "rate_table.h"
#include "siphash.h"
#include "support.h"

#define SECOND INT64_C(1000000000)

static const struct ssv_rate rate = {.per_second = 20, .burst = 40};
static struct ssv_rate_table *table;

static void make_table(void)
{
	table = ssv_rate_table_new();
	ck_assert_ptr_nonnull(table);
}

static void free_table(void)
{
	ssv_rate_table_free(table);
}

static bool may(uint32_t source, int64_t now)
{
	return ssv_rate_table_take(table, &source, sizeof(source), &rate, now);
}

/* How many of `tries` at the same moment. */
static int count(uint32_t source, int tries, int64_t now)
{
	int n = 0;

	while (tries-- > 0)
		n += may(source, now);
	return n;
}

START_TEST(a_burst_at_once_and_then_so_many_a_second)
{
	int64_t now = SECOND;

	ck_assert_int_eq(count(1, 100, now), 40);
	now += SECOND / 20 - 1;
	ck_assert(!may(1, now));
	ck_assert(may(1, now + 1));
	ck_assert(!may(1, now + 1));
	ck_assert_int_eq(count(1, 100, now + 1 + SECOND), 20);
	ck_assert_int_eq(count(1, 100, now + 1 + 100 * SECOND), 40);
}
END_TEST

START_TEST(what_one_source_does_is_not_counted_for_another)
{
	ck_assert_int_eq(count(1, 100, SECOND), 40);
	ck_assert_int_eq(count(2, 100, SECOND), 40);
	ck_assert(!ssv_rate_table_take(table, &(uint32_t){1}, 4, &rate, SECOND));
	ck_assert(ssv_rate_table_take(table, &(uint32_t){1}, 3, &rate, SECOND));
}
END_TEST

START_TEST(it_is_exact_for_any_rate)
{
	static const struct ssv_rate rates[] = {{1, 1}, {3, 1}, {1000, 1}, {7, 1000000}};
	const struct ssv_rate *const each = &rates[_i];
	const int64_t step = SECOND / each->per_second;
	int64_t full_at = 0, now = SECOND;
	int passed = 0;

	for (int i = 0; i < each->burst + 10; i++)
		passed += ssv_rate_take(&full_at, each, now);
	ck_assert_int_eq(passed, each->burst);
	while (now < 11 * SECOND) {
		now += step - 1;
		ck_assert(!ssv_rate_take(&full_at, each, now));
		now += 1;
		ck_assert(ssv_rate_take(&full_at, each, now));
	}
}
END_TEST

/* 200,000 sources in 4,096 buckets, while one asks all the time, and others now and then. */
START_TEST(nobody_gets_more_than_his_rate_however_many_others_come)
{
	int loop = 0, quick = 0;
	int64_t now = SECOND;
	const int64_t step = 10 * SECOND / 200000;

	for (uint32_t i = 0; i < 200000; i++, now += step) {
		may(1000 + i, now);
		loop += may(1, now);
		if (i % 100 == 0)
			quick += may(2, now);
	}
	ck_assert_int_le(loop, 40 + 10 * 20);
	ck_assert_int_le(quick, 40 + 10 * 20);
	ck_assert_int_ge(loop, 10 * 20); /* nor does he get less */
}
END_TEST

/* A flood of ten times what the table remembers, each once: all of them have tokens to share. */
START_TEST(a_flood_of_sources_shuts_nobody_out)
{
	for (uint32_t i = 0; i < 40960; i++)
		ck_assert_msg(may(i, SECOND), "source %u", i);
	ck_assert(may(UINT32_MAX, SECOND));
}
END_TEST

/* Of the table's secret nothing shows: two tables do not put the same keys together. */
START_TEST(which_sources_share_is_another_matter_in_each_table)
{
	struct ssv_rate_table *tables[2];
	const struct ssv_rate once = {.per_second = 1, .burst = 1};
	int same = 0, shared[2] = {0};

	for (int i = 0; i < 2; i++)
		tables[i] = ssv_rate_table_new();
	for (uint32_t source = 0; source < 8192; source++) {
		bool passed[2];

		for (int i = 0; i < 2; i++) {
			passed[i] = ssv_rate_table_take(tables[i], &source, 4, &once, SECOND);
			shared[i] += !passed[i];
		}
		same += !passed[0] && !passed[1];
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ge(shared[i], 4096);
		ck_assert_int_lt(same, shared[i]);
		ssv_rate_table_free(tables[i]);
	}
}
END_TEST

/* The key 00 01 … 0f, and the first bytes of 00 01 02 …: of the authors' own vectors. */
START_TEST(the_hash_is_siphash)
{
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static const struct {
		size_t size;
		uint64_t hash;
	} known[] = {
		{0, 0x726fdb47dd0e0e31},
		{1, 0x74f839c593dc67fd},
		{8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5},
	};
	unsigned char data[16];

	for (unsigned char i = 0; i < sizeof(data); i++)
		data[i] = i;
	ck_assert_uint_eq(ssv_siphash(key, data, known[_i].size), known[_i].hash);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rate_table");
	TCase *tcase = topic(suite, "rate_table");

	tcase_add_checked_fixture(tcase, make_table, free_table);
	tcase_add_test(tcase, a_burst_at_once_and_then_so_many_a_second);
	tcase_add_test(tcase, what_one_source_does_is_not_counted_for_another);
	tcase_add_loop_test(tcase, it_is_exact_for_any_rate, 0, 4);
	tcase_add_test(tcase, nobody_gets_more_than_his_rate_however_many_others_come);
	tcase_add_test(tcase, a_flood_of_sources_shuts_nobody_out);
	tcase_add_test(tcase, which_sources_share_is_another_matter_in_each_table);
	tcase_add_loop_test(tcase, the_hash_is_siphash, 0, 4);
	return run_suite(suite);
}
