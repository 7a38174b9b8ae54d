#include "terminal_signals.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
#define COUNT (sizeof(caught) / sizeof(caught[0]))

static struct sigaction before[COUNT];
static sigset_t mask_before;
static struct termios modes;
static const char *volatile on_leave;

static void leave_terminal(void)
{
	const char *text = on_leave;

	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	if (text != NULL && write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

/* Where nobody could let it go on, nothing stops it, and it goes on at once. */
static void stop(void)
{
	struct sigaction action, by_default = {.sa_handler = SIG_DFL};

	sigaction(SIGTSTP, &by_default, &action);
	raise(SIGTSTP);
	sigaction(SIGTSTP, &action, NULL);
	raise(SIGCONT); /* kept for terminal_signals_take() */
}

static void take_signal(int number)
{
	int error = errno;

	leave_terminal();
	if (number == SIGTSTP) {
		stop();
	} else {
		signal(number, SIG_DFL);
		raise(number);
	}
	errno = error;
}

/* What is ignored, as SIGHUP is under nohup, stays so. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = take_signal, .sa_flags = SA_NODEFER | SA_RESTART};

	for (size_t i = 0; i < COUNT; i++) {
		sigaction(caught[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
}

int terminal_signals_open(void)
{
	sigset_t taken;
	int fd;

	sigemptyset(&taken);
	sigaddset(&taken, SIGCONT);
	sigaddset(&taken, SIGWINCH);
	if (tcgetattr(STDIN_FILENO, &modes) < 0)
		return -errno;
	fd = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &taken, &mask_before);
	catch_signals();
	return fd;
}

void terminal_signals_close(int fd)
{
	for (size_t i = 0; i < COUNT; i++)
		sigaction(caught[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
	close(fd);
}

void terminal_signals_on_leave(const char *text)
{
	on_leave = text;
}

int terminal_signals_take(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
