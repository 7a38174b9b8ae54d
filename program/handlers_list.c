#include "handlers_list.h"
#include "complain.h"
#include "output.h"
#include "registry.h"
#include "wrap.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ROW_SIZE 80
#define GAP 2UL
#define CELLS 4

static const char help[] =
	"usage: socketserver handlers\n"
	"\n"
	"Lists the handlers that are built in: over which transports each can be served,\n"
	"in which modes, the first being the default, and what it does.\n"
	"\n"
	"Options:\n"
	"  -h, --help                  show this and end\n"
	"\n"
	"All about one of them: socketserver serve HANDLER --help\n";

static size_t longer(size_t size, const char *text)
{
	return strlen(text) > size ? strlen(text) : size;
}

/* As wide as they must be; the last one gets what is left. Other modes for datagrams go into the
 * rows below. */
static void measure(size_t widths[CELLS])
{
	const struct ssv_handler_descriptor *handler;

	memset(widths, 0, CELLS * sizeof(*widths));
	for (int i = 0; (handler = registry_built_in[i]) != NULL; i++) {
		widths[0] = longer(widths[0], handler->name);
		widths[1] = longer(widths[1], handler->transports);
		widths[2] = longer(widths[2], handler->modes);
	}
	widths[3] = ROW_SIZE - widths[0] - widths[1] - widths[2] - 3 * GAP;
}

/* The rest is left in the cell. */
static size_t take(const char **cell, char *to, size_t width)
{
	size_t n = wrap_fit(*cell, width);

	memcpy(to, *cell, n);
	*cell = wrap_rest(*cell, n);
	return n;
}

/* Whether there is more of it. */
static bool print_row(const size_t widths[CELLS], const char *cells[CELLS])
{
	char row[ROW_SIZE];
	size_t start = 0, end = 0, n;
	bool more = false;

	memset(row, ' ', sizeof(row));
	for (int i = 0; i < CELLS; i++) {
		n = take(&cells[i], row + start, widths[i]);
		end = n > 0 ? start + n : end;
		more = more || *cells[i] != '\0';
		start += widths[i] + GAP;
	}
	printf("%.*s\n", (int)end, row);
	return more;
}

static void print_rows(const size_t widths[CELLS], const char *name, const char *transports,
	const char *modes, const char *about)
{
	const char *cells[CELLS] = {name, transports, modes, about};

	while (print_row(widths, cells))
		;
}

static void print_handler(const size_t widths[CELLS], const struct ssv_handler_descriptor *handler)
{
	char modes[REGISTRY_MODES_SIZE];

	print_rows(widths, handler->name, handler->transports, registry_modes(handler, modes),
		handler->help);
}

static void print_list(void)
{
	size_t widths[CELLS];

	measure(widths);
	print_rows(widths, "HANDLER", "TRANSPORTS", "MODES", "WHAT IT DOES");
	for (int i = 0; registry_built_in[i] != NULL; i++)
		print_handler(widths, registry_built_in[i]);
}

int handlers_main(int count, char **arguments)
{
	if (count == 1)
		print_list();
	else if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)
		fputs(help, stdout);
	else
		return complain_usage(
			"too many arguments: handlers %s: it takes none", arguments[1]);
	return output_finish();
}
