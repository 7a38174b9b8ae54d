/** What the load generator counts and checks with. */
#include "latency.h"
#include "pattern.h"
#include "support.h"

START_TEST(percentiles_are_within_a_percent)
{
	static const struct {
		double percent;
		int64_t expected;
	} cases[] = {{50, 50000}, {90, 90000}, {99, 99000}, {99.9, 99900}, {100, 100000}};
	static struct latency latency;

	latency = (struct latency){0};
	for (int64_t ns = 1; ns <= 100000; ns++)
		latency_add(&latency, ns);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_ge(latency_percentile(&latency, cases[i].percent), cases[i].expected);
		ck_assert_int_le(latency_percentile(&latency, cases[i].percent),
			cases[i].expected + cases[i].expected / 100);
	}
}
END_TEST

START_TEST(any_latency_has_a_bucket)
{
	static struct latency latency;

	for (int shift = 0; shift < 63; shift++) {
		for (int64_t off = -1; off <= 1; off++) {
			int64_t ns = (INT64_C(1) << shift) + off;

			latency = (struct latency){0};
			latency_add(&latency, ns);
			ck_assert_int_eq(latency_percentile(&latency, 50), ns);
		}
	}
	latency = (struct latency){0};
	ck_assert_int_eq(latency_percentile(&latency, 50), 0);
	latency_add(&latency, -1);
	latency_add(&latency, INT64_MAX);
	ck_assert_int_eq(latency_percentile(&latency, 50), 0);
	ck_assert_int_eq(latency_percentile(&latency, 100), INT64_MAX);
}
END_TEST

START_TEST(merged_latencies_are_as_if_counted_together)
{
	static struct latency one, other;

	one = other = (struct latency){0};
	for (int64_t ns = 1; ns <= 200; ns++)
		latency_add(ns % 2 == 0 ? &one : &other, ns);
	latency_merge(&one, &other);
	ck_assert_int_eq(latency_percentile(&one, 50), 100);
	ck_assert_int_eq(latency_percentile(&one, 99), 198);
	ck_assert_uint_eq(one.count, 200);
	ck_assert_int_eq(one.max, 200);
}
END_TEST

START_TEST(a_pattern_is_the_same_in_pieces_of_any_size)
{
	unsigned char whole[10000], piece[10000];
	uint64_t key = pattern_key(7);

	pattern_fill(key, 0, whole, sizeof(whole));
	for (size_t offset = 0; offset < 40; offset++) {
		for (size_t size = 0; size < 40; size++) {
			pattern_fill(key, offset, piece, size);
			ck_assert_mem_eq(piece, whole + offset, size);
		}
		ck_assert(pattern_matches(key, offset, whole + offset, sizeof(whole) - offset));
	}
}
END_TEST

START_TEST(each_wrong_byte_is_found)
{
	unsigned char whole[4200]; /* more than is compared at a time */
	uint64_t key = pattern_key(7);

	pattern_fill(key, 3, whole, sizeof(whole));
	for (size_t i = 0; i < sizeof(whole); i += 1 + i / 50) {
		whole[i] ^= 1;
		ck_assert(!pattern_matches(key, 3, whole, sizeof(whole)));
		whole[i] ^= 1;
	}
	ck_assert(pattern_matches(key, 3, whole, sizeof(whole)));
}
END_TEST

START_TEST(bytes_of_another_place_or_connection_are_found)
{
	unsigned char bytes[64];

	for (uint64_t number = 0; number < 200; number++) {
		pattern_fill(pattern_key(number), 64 * number, bytes, sizeof(bytes));
		for (uint64_t other = 0; other < 200; other++) {
			ck_assert(other == number || !pattern_matches(pattern_key(other),
							     64 * number, bytes, sizeof(bytes)));
			ck_assert(other == number || !pattern_matches(pattern_key(number),
							     64 * other, bytes, sizeof(bytes)));
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench");
	TCase *latency = tcase_create("latency"), *bytes = tcase_create("pattern");

	suite_add_tcase(suite, latency);
	suite_add_tcase(suite, bytes);
	tcase_add_test(latency, percentiles_are_within_a_percent);
	tcase_add_test(latency, any_latency_has_a_bucket);
	tcase_add_test(latency, merged_latencies_are_as_if_counted_together);
	tcase_add_test(bytes, a_pattern_is_the_same_in_pieces_of_any_size);
	tcase_add_test(bytes, each_wrong_byte_is_found);
	tcase_add_test(bytes, bytes_of_another_place_or_connection_are_found);
	return run_suite(suite);
}
