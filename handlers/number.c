#include "number.h"
#include <errno.h>
#include <stdlib.h>

int read_whole(const char *text, long low, long high, long *n)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || *end != '\0')
		return -EINVAL;
	if (number < low || number > high)
		return -ERANGE;
	*n = number;
	return 0;
}

/* Written so that a NaN is out of range. */
int read_seconds(const char *text, double low, double high, int *ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0')
		return -EINVAL;
	if (!(seconds >= low && seconds <= high))
		return -ERANGE;
	*ms = (int)(seconds * 1000);
	if (*ms < seconds * 1000)
		++*ms;
	return 0;
}
