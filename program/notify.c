#include "notify.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_SIZE 1024

static struct sockaddr_un manager = {.sun_family = AF_UNIX};
static socklen_t manager_length; /* 0: there is none */
static char text[sizeof(manager.sun_path)];

/* A path, or @ and an abstract name, whose length tells where it ends. */
void notify_open(void)
{
	const char *asked = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
	size_t length = asked != NULL ? strlen(asked) : 0;

	if (length > 1 && length < sizeof(manager.sun_path) &&
		(asked[0] == '/' || asked[0] == '@')) {
		memcpy(text, asked, length + 1);
		memcpy(manager.sun_path, asked, length + 1);
		if (asked[0] == '@')
			manager.sun_path[0] = '\0';
		manager_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
					     (asked[0] == '/'));
	}
	unsetenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
}

const char *notify_address(void)
{
	return manager_length > 0 ? text : NULL;
}

static void send_message(const char *message, size_t length)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)sendto(fd, message, length, MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&manager, manager_length);
	close(fd);
}

void notify(const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list arguments;
	int length;

	if (manager_length == 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (length > 0 && length < MESSAGE_SIZE)
		send_message(message, (size_t)length);
}
