/** What program/options.c asks for, in the name of the load generator. */
#include "../program/explain.h"
#include <stdarg.h>
#include <stdio.h>

SSV_PRINTF(1, 0)
static void complain_with(const char *format, va_list arguments, const char *help)
{
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "%s\n", help);
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
	va_list arguments;

	va_start(arguments, format);
	complain_with(format, arguments, "; try load --help");
	va_end(arguments);
	return EXIT_USAGE;
}
