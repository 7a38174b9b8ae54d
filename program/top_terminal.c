#include "top_terminal.h"
#include "terminal_signals.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The other screen of the terminal, without a cursor; lines are not wrapped. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static struct termios modes;
static int signals = -1;
static bool is_shown;

bool top_terminal_is_there(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind != NULL && *kind != '\0' &&
	       strcmp(kind, "dumb") != 0;
}

static int put(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

/* They come one by one, and are not shown. */
static int take_keys(void)
{
	struct termios ours = modes;

	ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &ours) < 0 ? -errno : 0;
}

static int take_screen(void)
{
	is_shown = true;
	terminal_signals_on_leave(LEAVE);
	return put(ENTER);
}

int top_terminal_open(void)
{
	if (tcgetattr(STDIN_FILENO, &modes) < 0)
		return -errno;
	signals = terminal_signals_open();
	return signals < 0 ? signals : take_keys();
}

void top_terminal_close(void)
{
	if (signals < 0)
		return;
	if (is_shown)
		put(LEAVE);
	is_shown = false;
	terminal_signals_on_leave(NULL);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	terminal_signals_close(signals);
	signals = -1;
}

void top_terminal_size(int *columns, int *rows)
{
	struct winsize size = {.ws_col = 0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col > 0 ? size.ws_col : 80;
	*rows = size.ws_row > 0 ? size.ws_row : 24;
}

int top_terminal_show(const char *text)
{
	int rc = is_shown ? 0 : take_screen();

	if (rc < 0)
		return rc;
	fputs("\033[H", stdout);
	fputs(text, stdout);
	return put("\033[K\033[J");
}

static enum top_event take_key(void)
{
	char key = 0;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return TOP_END;
	return key == 'q' || key == 'Q' ? TOP_END : TOP_REDRAW;
}

static void take_signals(void)
{
	int number;

	while ((number = terminal_signals_take(signals)) != 0)
		if (number == SIGCONT && take_keys() == 0 && is_shown)
			take_screen();
}

enum top_event top_terminal_wait(int milliseconds, int fd)
{
	struct pollfd polled[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};
	int n = poll(polled, 3, milliseconds);

	if (n == 0)
		return TOP_TIME_IS_UP;
	take_signals();
	if (n > 0 && polled[0].revents != 0)
		return take_key();
	return n > 0 && polled[2].revents != 0 ? TOP_INPUT : TOP_REDRAW;
}
