/** socketserver: serves handlers, and talks to servers. */
#include "complain.h"
#include "complete.h"
#include "handlers_list.h"
#include "nearest.h"
#include "output.h"
#include "serve.h"
#include "talk.h"
#include "top.h"
#include <fcntl.h>
#include <signal.h>
#include <socketserver/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char complain_name[] = "socketserver";

static const char help[] =
	"usage: socketserver COMMAND ...\n"
	"\n"
	"  serve HANDLER [ADDRESS...]     serve until Ctrl-C, by default 127.0.0.1:9999\n"
	"  talk ADDRESS                   connect standard input and output to a server\n"
	"  top ADDRESS                    show what a server with --stats is doing\n"
	"  handlers                       list the handlers\n"
	"  COMMAND --help                 all about a command, with its options\n"
	"  serve HANDLER --help           the handler's own options\n"
	"  --help, --version\n"
	"\n"
	"Addresses:\n"
	"  tcp://HOST:PORT  udp://HOST:PORT  a name, IPv4 or [IPv6]; no HOST: all\n"
	"  unix:PATH        unixgram:PATH    a socket file; @NAME: an abstract socket\n"
	"  fd:NAME          fd:NUMBER        for `serve`: a socket that was passed to it\n"
	"\n"
	"Examples:\n"
	"  socketserver serve echo\n"
	"  printf hello | socketserver talk tcp://127.0.0.1:9999\n"
	"  socketserver serve chat unix:/tmp/chat --stats unix:/tmp/stats\n"
	"  socketserver top unix:/tmp/stats\n"
	"\n"
	"Exit status: 0 well ended, 1 failed, 2 wrong usage, 128 + N ended by signal N.\n";

static int help_main(int count, char **arguments)
{
	(void)count;
	(void)arguments;
	fputs(help, stdout);
	return output_finish();
}

static int version_main(int count, char **arguments)
{
	(void)count;
	(void)arguments;
	printf("socketserver %s\n", ssv_version());
	return output_finish();
}

static const struct command {
	const char *name;
	int (*run)(int count, char **arguments);
} commands[] = {
	{"serve", serve_main},
	{"talk", talk_main},
	{"top", top_main},
	{"handlers", handlers_main},
	{"complete", complete_main}, /* for shells */
	{"--help", help_main},
	{"-h", help_main},
	{"help", help_main},
	{"--version", version_main},
};

static int complain_command(const char *name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		nearest_consider(&nearest, commands[i].name);
	if (nearest_suggest(&nearest, "command", ""))
		return EXIT_USAGE;
	return complain_usage("unknown command: %s: take serve, talk, top or handlers", name);
}

/*
 * Else the first socket would become standard error, and a client would be sent our log. Where
 * standard output was closed, writing to it still fails, as it should.
 */
static void open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	open_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD,
		SIG_DFL); /* whoever started us may have ignored it: statuses would be lost */
	if (argc < 2)
		return complain_usage("no command: take serve, talk, top or handlers");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return complain_command(argv[1]);
}
