#include "screen.h"
#include "../handlers/standard_output.h"
#include "../handlers/visible.h"
#include <unistd.h>

#define PIECE_SIZE 4096 /* of what is made visible */

void screen_init(struct screen *screen, bool as_it_is)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	*screen = (struct screen){
		.is_terminal = is_terminal,
		.make_visible = is_terminal && !as_it_is,
	};
}

static int write_all(struct screen *screen, const char *data, size_t size)
{
	if (size > 0)
		screen->within_line = data[size - 1] != '\n';
	return standard_output_write(data, size);
}

/* Before a newline a carriage return does what a terminal does anyway. */
static size_t drop_returns(char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n')
			text[n++] = text[i];
	return n;
}

static int show_visible(struct screen *screen, const char *text, size_t size)
{
	char visible[VISIBLE_SIZE(PIECE_SIZE)];
	size_t n;
	int rc = 0;

	for (; size > 0 && rc == 0; text += n, size -= n) {
		n = size < PIECE_SIZE ? size : PIECE_SIZE;
		rc = write_all(screen, visible, make_visible(visible, text, n, &screen->before));
	}
	return rc;
}

int screen_show(struct screen *screen, char *data, size_t size)
{
	if (screen->make_visible)
		return show_visible(screen, data, drop_returns(data, size));
	return write_all(screen, data, size);
}

int screen_end_line(struct screen *screen)
{
	return screen->within_line ? write_all(screen, "\n", 1) : 0;
}
