#include "reference.h"
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_SIZE (256 * 1024)
#define GUARD_SIZE (64 * 1024)

static bool write_all(int connection, const char *data, size_t size)
{
	ssize_t n;

	for (; size > 0; data += n, size -= (size_t)n) {
		n = write(connection, data, size);
		if (n < 0)
			return false;
	}
	return true;
}

void echo_connection(int connection)
{
	char data[BUFFER_SIZE];
	ssize_t n;

	do
		n = read(connection, data, sizeof(data));
	while (n > 0 && write_all(connection, data, (size_t)n));
	close(connection);
}

int accept_connection(int listener)
{
	int connection;

	do
		connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (connection < 0 && (errno == ECONNABORTED || errno == EINTR));
	if (connection < 0)
		fail("accept4");
	return connection;
}

void start_thread(void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setguardsize(&attributes, GUARD_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attributes, run, argument);
	if (errno != 0)
		fail("pthread_create");
	pthread_attr_destroy(&attributes);
}
