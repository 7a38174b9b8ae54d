#include "screen.h"
#include "../handlers/standard_output.h"
#include <socketserver/visible.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIECE_SIZE 4096 /* of what is made visible */
#define ROW_ABOVE "\033[A\r"

void screen_init(struct screen *screen, bool as_it_is)
{
	bool is_terminal = isatty(STDOUT_FILENO);

	*screen = (struct screen){
		.is_terminal = is_terminal,
		.make_visible = is_terminal && !as_it_is,
	};
}

/* Keeps the line that it ends in. */
static void keep_line(struct screen *screen, const char *data, size_t size)
{
	const char *newline = memrchr(data, '\n', size);

	if (newline != NULL) {
		screen->line_size = 0;
		size -= (size_t)(newline + 1 - data);
		data = newline + 1;
	}
	if (screen->line_size + size <= sizeof(screen->line))
		memcpy(screen->line + screen->line_size, data, size);
	screen->line_size += size;
}

static int write_all(struct screen *screen, const char *data, size_t size)
{
	if (screen->broken)
		screen->line_size = 0;
	screen->broken = false;
	keep_line(screen, data, size);
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
	char visible[SSV_VISIBLE_SIZE(PIECE_SIZE)];
	size_t n;
	int rc = 0;

	for (; size > 0 && rc == 0; text += n, size -= n) {
		n = size < PIECE_SIZE ? size : PIECE_SIZE;
		rc = write_all(
			screen, visible, ssv_make_visible(visible, text, n, &screen->before));
	}
	return rc;
}

static int show_text(struct screen *screen, char *data, size_t size)
{
	return show_visible(screen, data, drop_returns(data, size));
}

/* How many bytes at the end begin what has not come whole: a character of UTF-8, or a line end. */
static size_t incomplete(const char *data, size_t size)
{
	unsigned char c = size > 0 ? (unsigned char)data[size - 1] : 0;
	size_t n = 1, whole;

	while (n < size && n < SCREEN_REST - 1 && c >= 0x80 && c <= 0xbf)
		c = (unsigned char)data[size - ++n];
	if (c == '\r' && n == 1)
		return 1;
	whole = c >= 0xf0 && c <= 0xf4   ? 4
		: c >= 0xe0 && c <= 0xef ? 3
		: c >= 0xc2 && c <= 0xdf ? 2
					 : 0;
	return whole > n ? n : 0;
}

int screen_flush(struct screen *screen)
{
	size_t size = screen->rest_size;

	screen->rest_size = 0;
	return show_text(screen, screen->rest, size);
}

static bool is_waiting(const struct screen *screen)
{
	return screen->rest_size > 0 &&
	       incomplete(screen->rest, screen->rest_size) == screen->rest_size;
}

/* Moves what belongs to the rest, and shows it once it is whole. */
static int complete_rest(struct screen *screen, char **data, size_t *size)
{
	for (; *size > 0 && is_waiting(screen); (*size)--)
		screen->rest[screen->rest_size++] = *(*data)++;
	return is_waiting(screen) ? 0 : screen_flush(screen);
}

static int show_characters(struct screen *screen, char *data, size_t size)
{
	int rc = complete_rest(screen, &data, &size);
	size_t left = incomplete(data, size);

	if (rc < 0 || size == 0)
		return rc;
	memcpy(screen->rest, data + size - left, left);
	screen->rest_size = left;
	return show_text(screen, data, size - left);
}

int screen_show(struct screen *screen, char *data, size_t size)
{
	if (screen->make_visible)
		return show_characters(screen, data, size);
	return write_all(screen, data, size);
}

int screen_end_line(struct screen *screen)
{
	int rc = screen_flush(screen);

	if (rc < 0 || screen->line_size == 0 || screen->broken)
		return rc;
	return write_all(screen, "\n", 1);
}

int screen_break_line(struct screen *screen)
{
	if (screen->line_size == 0 || screen->broken)
		return 0;
	screen->broken = true;
	return standard_output_write("\n", 1);
}

/* Whether it has fewer bytes than a row has columns, a tab counted as it is at most. */
static bool is_one_row(const char *line, size_t size)
{
	struct winsize window = {.ws_col = 0};
	size_t columns = size;

	for (size_t i = 0; i < size; i++)
		columns += line[i] == '\t' ? 7 : 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && columns < window.ws_col;
}

int screen_resume_line(struct screen *screen)
{
	size_t size = screen->line_size;
	int rc;

	if (!screen->broken || size > sizeof(screen->line) || !is_one_row(screen->line, size))
		return 0;
	screen->broken = false;
	rc = standard_output_write(ROW_ABOVE, strlen(ROW_ABOVE));
	return rc < 0 ? rc : standard_output_write(screen->line, size);
}
