#include "operator.h"
#include "visible.h"
#include <errno.h>
#include <poll.h>
#include <socketserver/socketserver.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int operator_ready(struct ssv_watch *watch)
{
	struct operator* operator= ssv_container_of(watch, struct operator, watch);

	return operator_read(operator, operator->take, operator->context);
}

/* A file, or /dev/null, cannot be watched but is always ready, as a counter above 0 is. */
static int watch_file(struct operator* operator, struct ssv_server * server)
{
	operator->always_ready = operator->watch.fd = eventfd(1, EFD_CLOEXEC);
	if (operator->always_ready<0)
		return -errno;
	return ssv_server_watch(server, &operator->watch);
}

int operator_open(
	struct operator* operator, struct ssv_server * server, operator_take *take, void *context)
{
	int rc;

	operator->watch =(struct ssv_watch){.fd = STDIN_FILENO, .ready = operator_ready};
	operator->take = take;
	operator->context = context;
	operator->always_ready = - 1;
	rc = ssv_server_watch(server, &operator->watch);
	return rc == -EPERM ? watch_file(operator, server) : rc;
}

void operator_close(struct operator* operator)
{
	if (operator->always_ready >= 0)
		close(operator->always_ready);
	operator->always_ready = - 1;
}

/* Each line that is there; `ended`, or where there is no room for more, also what is no line yet.
 */
static void hand_out(struct operator* operator, bool ended, operator_take *take, void *context)
{
	char *line = operator->typed, *end = line + operator->length, *newline;

	while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		take(context, line, (size_t)(newline - line));
		line = newline + 1;
	}
	if (end - line > OPERATOR_LINE_SIZE) {
		take(context, line, OPERATOR_LINE_SIZE);
		line += OPERATOR_LINE_SIZE;
	}
	if (ended && line < end) {
		take(context, line, (size_t)(end - line));
		line = end;
	}
	operator->length =(size_t)(end - line);
	memmove(operator->typed, line, operator->length);
}

int operator_read(struct operator* operator, operator_take * take, void *context)
{
	size_t room = sizeof(operator->typed) - operator->length;
	ssize_t n = read(STDIN_FILENO, operator->typed + operator->length, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		operator_notice(operator, "cannot read standard input", -errno);
	if (n > 0)
		operator->length +=(size_t) n;
	hand_out(operator, n <= 0, take, context);
	return n > 0 ? 0 : SSV_EXIT;
}

/* Standard output may be non-blocking: whoever shares it with us decides that. */
static ssize_t write_some(const char *text, size_t length)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	ssize_t n = write(STDOUT_FILENO, text, length);

	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		return n < 0 ? -errno : n;
	if (errno == EAGAIN)
		poll(&out, 1, -1);
	return 0;
}

static int write_all(const char *text, size_t length)
{
	ssize_t n;

	for (; length > 0; text += n, length -= (size_t)n) {
		n = write_some(text, length);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

int operator_show(struct operator* operator, const char * text, size_t length, char before)
{
	char shown[VISIBLE_SIZE(1024)];
	size_t piece;
	int rc;

	for (; length > 0; text += piece, length -= piece) {
		piece = length < 1024 ? length : 1024;
		rc = write_all(shown, make_visible(shown, text, piece, before));
		if (rc < 0) {
			operator_notice(operator, "cannot write to standard output", rc);
			return SSV_EXIT;
		}
		before = text[piece - 1];
	}
	return 0;
}

void operator_notice(struct operator* operator, const char * why, int error)
{
	ssv_server_report(operator->watch.server, SSV_LOG_WARNING, NULL, why, error);
}
