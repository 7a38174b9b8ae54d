#include "allow_list.h"
#include "strip.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const built_in[] = {
	"date=/bin/date", "uname=/bin/uname", "uptime=/usr/bin/uptime"};

#define BUILT_IN_COUNT (sizeof(built_in) / sizeof(built_in[0]))

/* Where the one stands whose name is the first `length` bytes there; `count`: nowhere. */
static size_t find(const char *const *programs, size_t count, const char *name, size_t length)
{
	size_t i = 0;

	while (i < count && (strncmp(programs[i], name, length) != 0 || programs[i][length] != '='))
		i++;
	return i;
}

/* --- making the list --- */

static bool is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)text[i]) || text[i] == '=')
			return false;
	return length > 0;
}

static int add(const char **texts, size_t *count, const char *text)
{
	if (*count == ALLOW_LIST_MAX)
		return -ENOSPC;
	texts[(*count)++] = text;
	return 0;
}

int allow_list_add(struct allow_list *list, const char *name_and_path)
{
	size_t length = strcspn(name_and_path, "=");
	const char *path = name_and_path + length + 1;
	struct stat file;
	size_t same;

	if (!is_name(name_and_path, length) || name_and_path[length] != '=' || *path != '/')
		return -EINVAL;
	if (access(path, X_OK) < 0 || stat(path, &file) < 0)
		return -errno;
	if (!S_ISREG(file.st_mode))
		return S_ISDIR(file.st_mode) ? -EISDIR : -EACCES;
	same = find(list->programs, list->program_count, name_and_path, length);
	if (same == list->program_count)
		return add(list->programs, &list->program_count, name_and_path);
	list->programs[same] = name_and_path;
	return 0;
}

int allow_list_add_arguments(struct allow_list *list, const char *name)
{
	if (!is_name(name, strlen(name)))
		return -EINVAL;
	return add(list->with_arguments, &list->with_arguments_count, name);
}

/* --- looking it up --- */

static const char *path_in(const char *const *programs, size_t count, const char *name)
{
	size_t length = strlen(name), i = find(programs, count, name, length);

	return i < count ? programs[i] + length + 1 : NULL;
}

/* One of ours can be replaced. */
static const char *path_of(const struct allow_list *list, const char *name)
{
	const char *path;

	if (!is_name(name, strlen(name)))
		return NULL;
	path = path_in(list->programs, list->program_count, name);
	return path != NULL ? path : path_in(built_in, BUILT_IN_COUNT, name);
}

static bool may_have_arguments(const struct allow_list *list, const char *name)
{
	for (size_t i = 0; i < list->with_arguments_count; i++)
		if (strcmp(list->with_arguments[i], name) == 0)
			return true;
	return false;
}

/* Whether there was room, the end of the line left out. */
static bool say_name(struct allow_list *list, const char *name)
{
	size_t end = strlen(list->refusal), length = strcspn(name, "=");

	if (end + length + sizeof("  ...\n") > sizeof(list->refusal))
		return false;
	sprintf(list->refusal + end, " %.*s", (int)length, name);
	return true;
}

static bool is_built_in(const char *name)
{
	return find(built_in, BUILT_IN_COUNT, name, strcspn(name, "=")) < BUILT_IN_COUNT;
}

/* Each once: ours, replaced or not, then the others. Whether there was room for all. */
static bool say_names(struct allow_list *list)
{
	bool room = true;

	for (size_t i = 0; i < BUILT_IN_COUNT && room; i++)
		room = say_name(list, built_in[i]);
	for (size_t i = 0; i < list->program_count && room; i++)
		room = is_built_in(list->programs[i]) || say_name(list, list->programs[i]);
	return room;
}

int allow_list_open(struct allow_list *list)
{
	const char *end;

	stpcpy(list->refusal, "refused: not an allowed command; there are:");
	end = say_names(list) ? "\n" : " ...\n";
	stpcpy(list->refusal + strlen(list->refusal), end);
	for (size_t i = 0; i < list->with_arguments_count; i++)
		if (path_of(list, list->with_arguments[i]) == NULL)
			return -EINVAL;
	return 0;
}

/* --- a command --- */

static size_t split(char *text, char **words, size_t count)
{
	char *rest, *word = strtok_r(text, WHITE_SPACE, &rest);
	size_t n = 0;

	while (word != NULL && n + 1 < count) {
		words[n++] = word;
		word = strtok_r(NULL, WHITE_SPACE, &rest);
	}
	words[n] = NULL;
	return n;
}

const char *allow_list_resolve(
	const struct allow_list *list, char *command, char **arguments, size_t count)
{
	size_t n = split(command, arguments, count);
	const char *path = n > 0 ? path_of(list, arguments[0]) : NULL;

	if (path == NULL)
		return list->refusal;
	if (n > 1 && !may_have_arguments(list, arguments[0]))
		return "refused: no arguments are allowed for this command\n";
	arguments[0] = (char *)path;
	return NULL;
}
