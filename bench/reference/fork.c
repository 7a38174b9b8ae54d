/** A process for each connection. */
#include "reference.h"
#include <signal.h>
#include <unistd.h>

static _Noreturn void run(int listener, int connection)
{
	close(listener);
	echo_connection(connection);
	_exit(0);
}

void serve_fork(int listener)
{
	int connection;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN); /* so that no child has to be waited for */
	for (;;) {
		connection = accept_connection(listener);
		pid = fork();
		if (pid < 0)
			fail("fork");
		if (pid == 0)
			run(listener, connection);
		close(connection);
	}
}
