#include "nearest.h"
#include "complain.h"
#include <string.h>

#define LONGEST 32 /* name */
#define MOST 3     /* mistakes */

static size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* The optimal string alignment distance. */
static size_t distance(const char *one, size_t length, const char *other, size_t other_length)
{
	size_t to[LONGEST + 1][LONGEST + 1]; /* from so many letters of the one to so many … */

	for (size_t i = 0; i <= length; i++)
		to[i][0] = i;
	for (size_t j = 0; j <= other_length; j++)
		to[0][j] = j;
	for (size_t i = 1; i <= length; i++)
		for (size_t j = 1; j <= other_length; j++) {
			to[i][j] = to[i - 1][j - 1] + (one[i - 1] != other[j - 1]);
			to[i][j] = least(to[i][j], 1 + least(to[i - 1][j], to[i][j - 1]));
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
				one[i - 2] == other[j - 1])
				to[i][j] = least(to[i][j], to[i - 2][j - 2] + 1);
		}
	return to[length][other_length];
}

void nearest_init(struct nearest *nearest, const char *typed)
{
	const size_t length = strcspn(typed, "=");

	*nearest = (struct nearest){
		.typed = typed,
		.length = length,
		.mistakes = length < 3 ? 0 : 1 + least(MOST, (length + 1) / 3),
	};
}

void nearest_consider(struct nearest *nearest, const char *name)
{
	size_t mistakes, length = strlen(name);

	if (nearest->length > LONGEST || length > LONGEST)
		return;
	mistakes = distance(nearest->typed, nearest->length, name, length);
	if (mistakes >= nearest->mistakes)
		return;
	nearest->mistakes = mistakes;
	nearest->name = name;
}

bool nearest_suggest(const struct nearest *nearest, const char *what, const char *dashes)
{
	if (nearest->name != NULL)
		complain("unknown %s: %s%.*s: did you mean %s%s?", what, dashes,
			(int)nearest->length, nearest->typed, dashes, nearest->name);
	return nearest->name != NULL;
}
