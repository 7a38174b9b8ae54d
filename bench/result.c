#include "result.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};

#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

void result_error(struct result *result, int error)
{
	result->errors[error > 0 && error < RESULT_ERRORS ? error : 0]++;
}

void result_warmed_up(struct result *result, int64_t now)
{
	result->answered = 0;
	result->latency = (struct latency){0};
	result->first = result->last = now;
}

void result_merge(struct result *result, const struct result *other)
{
	result->answered += other->answered;
	result->lost += other->lost;
	result->corrupted += other->corrupted;
	result->surplus += other->surplus;
	for (int i = 0; i < RESULT_ERRORS; i++)
		result->errors[i] += other->errors[i];
	if (result->first == 0 || other->first < result->first)
		result->first = other->first;
	if (other->last > result->last)
		result->last = other->last;
	latency_merge(&result->latency, &other->latency);
}

static uint64_t count_errors(const struct result *result)
{
	uint64_t count = 0;

	for (int i = 0; i < RESULT_ERRORS; i++)
		count += result->errors[i];
	return count;
}

bool result_is_good(const struct result *result)
{
	return result->answered > 0 && result->lost == 0 && result->corrupted == 0 &&
	       result->surplus == 0 && count_errors(result) == 0;
}

static double seconds(const struct result *result)
{
	return (double)(result->last - result->first) / 1e9;
}

static double rate(const struct result *result)
{
	return seconds(result) > 0 ? (double)result->answered / seconds(result) : 0;
}

static double percentile_us(const struct result *result, size_t i)
{
	return (double)latency_percentile(&result->latency, percentiles[i].percent) / 1000;
}

static double mib_per_second(const struct result *result, const struct plan *plan)
{
	return rate(result) * plan->size / (1 << 20);
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return error != 0 && name != NULL ? name : "other";
}

static double per_connection(long before, long after, const struct plan *plan)
{
	return (double)(after - before) / plan->connections;
}

static void print_json_memory(
	const struct plan *plan, const struct memory *before, const struct memory *after)
{
	printf(", \"memory_kib\": {\"pss_before\": %ld, \"pss_after\": %ld, "
	       "\"pss_per_connection\": %.2f, \"rss_per_connection\": %.2f, "
	       "\"page_tables_per_connection\": %.2f, \"threads\": %ld, \"processes\": %ld}",
		before->proportional, after->proportional,
		per_connection(before->proportional, after->proportional, plan),
		per_connection(before->resident, after->resident, plan),
		per_connection(before->page_tables, after->page_tables, plan), after->threads,
		after->processes);
}

/* The address was parsed, so that it is plain enough; but a path may hold anything. */
static void print_json_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_json_errors(const struct result *result)
{
	const char *separator = "";

	printf(", \"errors\": {");
	for (int i = 0; i < RESULT_ERRORS; i++) {
		if (result->errors[i] == 0)
			continue;
		printf("%s\"%s\": %ju", separator, error_name(i), (uintmax_t)result->errors[i]);
		separator = ", ";
	}
	printf("}, \"latency_us\": {");
	for (size_t i = 0; i < PERCENTILES; i++)
		printf("%s\"%s\": %.1f", i > 0 ? ", " : "", percentiles[i].name,
			percentile_us(result, i));
	putchar('}');
}

static void print_json(const struct result *result, const struct plan *plan,
	const struct memory *before, const struct memory *after)
{
	printf("{\"scenario\": \"%s\", \"address\": ", plan->scenario->name);
	print_json_text(plan->text);
	printf(", \"connections\": %d, \"threads\": %d, \"size\": %d, \"window\": %d, "
	       "\"target_rate\": %d",
		plan->connections, plan->threads, plan->size, plan->window, plan->rate);
	printf(", \"requests\": %ju, \"seconds\": %.6f, \"rate\": %.1f, "
	       "\"mib_per_second\": %.1f, \"lost\": %ju, \"corrupted\": %ju, \"surplus\": %ju",
		(uintmax_t)result->answered, seconds(result), rate(result),
		mib_per_second(result, plan), (uintmax_t)result->lost, (uintmax_t)result->corrupted,
		(uintmax_t)result->surplus);
	print_json_errors(result);
	if (before != NULL)
		print_json_memory(plan, before, after);
	puts("}");
}

static void print_line(const struct result *result, const struct plan *plan,
	const struct memory *before, const struct memory *after)
{
	printf("%s %s: %ju requests in %.3f s, %.0f/s, %.1f MiB/s, %ju lost, %ju corrupted, "
	       "%ju surplus; us:",
		plan->scenario->name, plan->text, (uintmax_t)result->answered, seconds(result),
		rate(result), mib_per_second(result, plan), (uintmax_t)result->lost,
		(uintmax_t)result->corrupted, (uintmax_t)result->surplus);
	for (size_t i = 0; i < PERCENTILES; i++)
		printf(" %s %.1f", percentiles[i].name, percentile_us(result, i));
	for (int i = 0; i < RESULT_ERRORS; i++)
		if (result->errors[i] != 0)
			printf("; %s %ju", error_name(i), (uintmax_t)result->errors[i]);
	if (before != NULL)
		printf("; KiB a connection: %.2f user, %.2f page tables",
			per_connection(before->proportional, after->proportional, plan),
			per_connection(before->page_tables, after->page_tables, plan));
	putchar('\n');
}

void result_print(const struct result *result, const struct plan *plan, const struct memory *before,
	const struct memory *after)
{
	(plan->json ? print_json : print_line)(result, plan, before, after);
}
