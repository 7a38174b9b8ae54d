#include "complain.h"
#include <socketserver/visible.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1024

static char where[256];
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
	char message[LINE_SIZE - 64], line[LINE_SIZE];
	size_t start = strlen(where);
	int n;

	memcpy(message, where, start + 1);
	vsnprintf(message + start, sizeof(message) - start, format, arguments);
	ssv_make_harmless(message);
	if (log != NULL) {
		log->write(log, SSV_LOG_WARNING, NULL, message);
		return;
	}
	n = snprintf(line, sizeof(line), "%s: %s%s\n", complain_name, message, help);
	say(line, (size_t)n);
}

void complain_to(struct ssv_log *log)
{
	__atomic_store_n(&log_of_all, log, __ATOMIC_RELEASE);
}

void complain_where(const char *format, ...)
{
	va_list arguments;

	where[0] = '\0';
	if (format == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(where, sizeof(where), format, arguments);
	va_end(arguments);
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_with(format, arguments, "");
	va_end(arguments);
}

int complain_usage(const char *format, ...)
{
	char help[48];
	va_list arguments;

	snprintf(help, sizeof(help), "; try %s --help", complain_name);
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
