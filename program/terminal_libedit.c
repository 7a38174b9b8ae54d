#include "terminal.h"
#include "terminal_keys.h"
#include "terminal_signals.h"
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define PROMPT "> "
#define CTRL_D '\004'
#define LEAVE_LINE "\n\033[J" /* and the rows of it that are below */
#define HISTORY_SIZE 100
#define KEY_WAIT 100 /* ms for the rest of a key that is sent as several bytes */

struct terminal {
	EditLine *editor;
	HistoryW *history;
	struct terminal_keys keys;
	int signals, ready; /* descriptors: of signals, and of those together with the keys */
	bool typing;        /* a line has been begun … */
	bool shown;         /* … and is there to be seen … */
	bool follows;       /* … right below what was shown before it */
	bool ended;
};

static char *prompt(EditLine *editor)
{
	static char text[] = PROMPT;

	(void)editor;
	return text;
}

static bool has_key(int wait)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, wait) > 0;
}

/* One more byte. What of a character has come is taken by itself where no more comes soon. */
static bool read_byte(struct terminal *terminal)
{
	ssize_t got;
	char byte;

	if (!has_key(KEY_WAIT))
		return false;
	got = read(STDIN_FILENO, &byte, 1);
	if (got == 1)
		terminal_keys_add(&terminal->keys, byte);
	else
		terminal->ended = got == 0 || (errno != EINTR && errno != EAGAIN);
	return got == 1;
}

/* Not libedit's own, which waits for ever for what would make an Escape an arrow key. */
static int read_key(EditLine *editor, wchar_t *key)
{
	struct terminal *terminal;
	bool more = true;

	el_get(editor, EL_CLIENTDATA, (void **)&terminal);
	while (!terminal_keys_take(&terminal->keys, !more, key)) {
		if (!more)
			return 0;
		more = read_byte(terminal);
	}
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
	HistEventW event;

	el_set(terminal->editor, EL_CLIENTDATA, terminal);
	el_set(terminal->editor, EL_PROMPT, prompt);
	el_set(terminal->editor, EL_EDITOR, "emacs");
	el_set(terminal->editor, EL_GETCFN, read_key);
	el_set(terminal->editor, EL_BIND, "^I", "ed-insert", NULL);
	history_w(terminal->history, &event, H_SETSIZE, HISTORY_SIZE);
	el_wset(terminal->editor, EL_HIST, history_w, terminal->history);
	el_source(terminal->editor, NULL); /* ~/.editrc */
}

static bool watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct terminal *terminal)
{
	terminal->ready = epoll_create1(EPOLL_CLOEXEC);
	terminal->signals = terminal_signals_open();
	return terminal->ready >= 0 && terminal->signals >= 0 &&
	       watch(terminal->ready, STDIN_FILENO) && watch(terminal->ready, terminal->signals);
}

struct terminal *terminal_open(void)
{
	struct terminal *terminal = can_edit() ? calloc(1, sizeof(*terminal)) : NULL;

	if (terminal == NULL)
		return NULL;
	terminal_keys_set_locale();
	if (open_descriptors(terminal)) {
		terminal->editor = el_init("socketserver", stdin, stdout, stderr);
		terminal->history = history_winit();
	}
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
		history_wend(terminal->history);
	if (terminal->signals >= 0)
		terminal_signals_close(terminal->signals);
	if (terminal->ready >= 0)
		close(terminal->ready);
	free(terminal);
}

int terminal_descriptor(const struct terminal *terminal)
{
	return terminal == NULL ? STDIN_FILENO : terminal->ready;
}

bool terminal_follows(const struct terminal *terminal)
{
	return terminal != NULL && terminal->follows;
}

static void set_shown(struct terminal *terminal, bool shown)
{
	terminal->shown = shown;
	terminal_signals_on_leave(shown ? LEAVE_LINE : NULL);
}

void terminal_show(struct terminal *terminal)
{
	if (terminal == NULL || terminal->shown)
		return;
	if (terminal->typing)
		el_set(terminal->editor, EL_REFRESH);
	else
		el_set(terminal->editor, EL_UNBUFFERED, 1);
	terminal->typing = terminal->follows = true;
	set_shown(terminal, true);
}

/* What libedit writes for a key: ^X for a control character, and for what cannot be printed \U+ and
 * its number. */
static int width_of(wchar_t key, int column, int columns)
{
	if (key == L'\t')
		return column / 8 * 8 + 8 > columns ? columns - column : 8 - column % 8;
	if (key < 0x80 && iswcntrl((wint_t)key))
		return 2;
	if (!iswprint((wint_t)key))
		return key > 0xffff ? 8 : 7;
	return wcwidth(key);
}

/* How far the cursor is below the prompt. What is no control character and wider than a column is
 * not cut at the end of a row. */
static int rows_down(struct terminal *terminal)
{
	const LineInfoW *line = el_wline(terminal->editor);
	struct winsize size = {.ws_col = 0};
	int column = (int)strlen(PROMPT), row = 0, width;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_col == 0)
		return 0;
	for (const wchar_t *key = line->buffer; key < line->cursor; key++) {
		width = width_of(*key, column, size.ws_col);
		if (width == 2 && *key >= 0x80 && column + width > size.ws_col)
			column = size.ws_col;
		column += width;
		row += column / size.ws_col;
		column %= size.ws_col;
	}
	return row;
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
	set_shown(terminal, false);
}

/* Others may have changed its modes meanwhile, and have written to it. */
static void go_on(struct terminal *terminal)
{
	el_set(terminal->editor, EL_PREP_TERM, 0);
	el_set(terminal->editor, EL_PREP_TERM, 1);
	terminal->follows = false;
	if (!terminal->shown)
		return;
	printf("\r\033[J");
	fflush(stdout);
	el_set(terminal->editor, EL_REFRESH);
}

static void resize(struct terminal *terminal)
{
	bool shown = terminal->shown;

	terminal_hide(terminal);
	el_resize(terminal->editor);
	if (shown)
		terminal_show(terminal);
}

static void take_signals(struct terminal *terminal)
{
	int number;

	while ((number = terminal_signals_take(terminal->signals)) != 0) {
		if (number == SIGCONT)
			go_on(terminal);
		else
			resize(terminal);
	}
}

/*
 * The next line is begun at once: between the two the terminal is in a mode of its own, in which it
 * would echo what is typed.
 */
static ssize_t take_line(
	struct terminal *terminal, const wchar_t *typed, size_t length, char *line, size_t size)
{
	ssize_t n = terminal_keys_encode(typed, length, line, size);
	HistEventW event;

	if (length > 1 && n > 0)
		history_w(terminal->history, &event, H_ENTER, typed);
	el_set(terminal->editor, EL_UNBUFFERED, 0);
	el_set(terminal->editor, EL_UNBUFFERED, 1);
	terminal->follows = false;
	return n;
}

static ssize_t take_key(struct terminal *terminal, char *line, size_t size)
{
	int length;
	const wchar_t *typed = el_wgets(terminal->editor, &length);

	if (terminal->ended)
		return 0;
	if (typed == NULL || length <= 0)
		return -EAGAIN;
	if (length == 1 && *typed == CTRL_D)
		return 0;
	if (typed[length - 1] != L'\n')
		return -EAGAIN;
	return take_line(terminal, typed, (size_t)length, line, size);
}

ssize_t terminal_read(struct terminal *terminal, char *line, size_t size)
{
	ssize_t n = -EAGAIN;

	take_signals(terminal);
	if (!has_key(0))
		return n;
	do
		n = take_key(terminal, line, size);
	while (n == -EAGAIN && terminal->keys.count > 0);
	return n;
}
