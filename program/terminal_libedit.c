#include "terminal.h"
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define PROMPT "> "
#define CTRL_D '\004'
#define HISTORY_SIZE 100
#define KEY_WAIT 100 /* ms for the rest of a key that is sent as several bytes */

struct terminal {
	EditLine *editor;
	History *history;
	bool typing; /* a line has been begun … */
	bool shown;  /* … and is there to be seen */
	bool ended;
};

static char *prompt(EditLine *editor)
{
	static char text[] = PROMPT;

	(void)editor;
	return text;
}

static bool has_key(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, KEY_WAIT) > 0;
}

/* Not libedit's own, which waits for ever for what would make an Escape an arrow key. */
static int read_key(EditLine *editor, wchar_t *key)
{
	struct terminal *terminal;
	mbstate_t state = {0};
	size_t n;
	ssize_t got;
	char byte;

	el_get(editor, EL_CLIENTDATA, (void **)&terminal);
	do {
		if (!has_key())
			return 0;
		got = read(STDIN_FILENO, &byte, 1);
		if (got != 1) {
			terminal->ended = got == 0 || (errno != EINTR && errno != EAGAIN);
			return 0;
		}
		n = mbrtowc(key, &byte, 1, &state);
	} while (n == (size_t)-2);
	if (n == (size_t)-1)
		*key = L'?';
	return 1;
}

static bool can_edit(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind != NULL && *kind != '\0' &&
	       strcmp(kind, "dumb") != 0;
}

static void set_up(struct terminal *terminal)
{
	HistEvent event;

	el_set(terminal->editor, EL_CLIENTDATA, terminal);
	el_set(terminal->editor, EL_PROMPT, prompt);
	el_set(terminal->editor, EL_EDITOR, "emacs");
	el_set(terminal->editor, EL_SIGNAL, 1);
	el_set(terminal->editor, EL_GETCFN, read_key);
	history(terminal->history, &event, H_SETSIZE, HISTORY_SIZE);
	el_set(terminal->editor, EL_HIST, history, terminal->history);
	el_source(terminal->editor, NULL); /* ~/.editrc */
}

struct terminal *terminal_open(void)
{
	struct terminal *terminal = can_edit() ? calloc(1, sizeof(*terminal)) : NULL;

	if (terminal == NULL)
		return NULL;
	setlocale(LC_CTYPE, "");
	terminal->editor = el_init("socketserver", stdin, stdout, stderr);
	terminal->history = history_init();
	if (terminal->editor != NULL && terminal->history != NULL) {
		set_up(terminal);
		return terminal;
	}
	terminal_close(terminal);
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	terminal_hide(terminal);
	if (terminal->editor != NULL) {
		el_set(terminal->editor, EL_UNBUFFERED, 0);
		el_end(terminal->editor);
	}
	if (terminal->history != NULL)
		history_end(terminal->history);
	free(terminal);
}

void terminal_show(struct terminal *terminal)
{
	if (terminal == NULL || terminal->shown)
		return;
	if (terminal->typing)
		el_set(terminal->editor, EL_REFRESH);
	else
		el_set(terminal->editor, EL_UNBUFFERED, 1);
	terminal->typing = terminal->shown = true;
}

/* What libedit writes for it; a control character is shown as ^X. */
static int width_of(wchar_t key)
{
	int width = wcwidth(key);

	return width < 0 ? 2 : width;
}

/* How far the cursor is below the prompt. */
static int rows_down(struct terminal *terminal)
{
	const LineInfoW *line = el_wline(terminal->editor);
	struct winsize size = {.ws_col = 0};
	int width = (int)strlen(PROMPT);

	for (const wchar_t *key = line->buffer; key < line->cursor; key++)
		width += width_of(*key);
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	return size.ws_col > 0 ? width / size.ws_col : 0;
}

void terminal_hide(struct terminal *terminal)
{
	int rows;

	if (terminal == NULL || !terminal->shown)
		return;
	rows = rows_down(terminal);
	if (rows > 0)
		printf("\033[%dA", rows);
	printf("\r\033[J");
	fflush(stdout);
	terminal->shown = false;
}

/*
 * The next line is begun at once: between the two the terminal is in a mode of its own, in which it
 * would echo what is typed.
 */
static ssize_t take_line(
	struct terminal *terminal, const char *typed, size_t length, char *line, size_t size)
{
	HistEvent event;

	if (length > size)
		return -EMSGSIZE;
	memcpy(line, typed, length);
	if (length > 1)
		history(terminal->history, &event, H_ENTER, typed);
	el_set(terminal->editor, EL_UNBUFFERED, 0);
	el_set(terminal->editor, EL_UNBUFFERED, 1);
	return (ssize_t)length;
}

ssize_t terminal_read(struct terminal *terminal, char *line, size_t size)
{
	int length;
	const char *typed = el_gets(terminal->editor, &length);

	if (terminal->ended)
		return 0;
	if (typed == NULL || length <= 0)
		return -EAGAIN;
	if (length == 1 && *typed == CTRL_D)
		return 0;
	if (typed[length - 1] != '\n')
		return -EAGAIN;
	return take_line(terminal, typed, (size_t)length, line, size);
}
