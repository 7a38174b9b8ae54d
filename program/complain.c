#include "complain.h"
#include <socketserver/visible.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE (3 * 4096) /* a path, a line of a file, and what is said of them */
#define HELP_SIZE 64

static _Thread_local const char *where;
static _Thread_local int where_line;
static const char *command;        /* or NULL */
static struct ssv_log *log_of_all; /* changed with atomics alone */

/* Where standard error takes nothing, there is nobody left to tell. */
static void say(const char *line, size_t size)
{
	if (write(STDERR_FILENO, line, size) < 0)
		return;
}

SSV_PRINTF(1, 0)
static void complain_with(const char *format, va_list arguments, const char *help)
{
	struct ssv_log *log = __atomic_load_n(&log_of_all, __ATOMIC_ACQUIRE);
	const size_t size = LINE_SIZE - HELP_SIZE, start = strlen(complain_name) + strlen(": ");
	char line[LINE_SIZE];
	size_t length;

	snprintf(line, size, "%s: ", complain_name);
	if (where != NULL)
		snprintf(line + start, size - start, "%s:%d: ", where, where_line);
	where = NULL;
	length = strlen(line);
	vsnprintf(line + length, size - length, format, arguments);
	ssv_make_harmless(line + start);
	if (log != NULL) {
		log->write(log, SSV_LOG_WARNING, NULL, line + start);
		return;
	}
	length = strlen(line);
	length += (size_t)snprintf(line + length, sizeof(line) - length, "%s\n", help);
	say(line, length);
}

void complain_to(struct ssv_log *log)
{
	__atomic_store_n(&log_of_all, log, __ATOMIC_RELEASE);
}

void complain_where(const char *path, int line)
{
	where = path;
	where_line = line;
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_with(format, arguments, "");
	va_end(arguments);
}

void complain_for(const char *name)
{
	command = name;
}

int complain_usage(const char *format, ...)
{
	char help[HELP_SIZE - 1];
	va_list arguments;

	snprintf(help, sizeof(help), "; try %s%s%s --help", complain_name,
		command != NULL ? " " : "", command != NULL ? command : "");
	va_start(arguments, format);
	complain_with(format, arguments, help);
	va_end(arguments);
	return EXIT_USAGE;
}

int complain_memory(void)
{
	complain("no memory: close some programs, or raise the limit with ulimit -v");
	return EXIT_FAILURE;
}
