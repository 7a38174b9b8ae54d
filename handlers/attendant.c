#include "attendant.h"
#include "standard_output.h"
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PIECE_SIZE 1024 /* of what is made visible */

static int attendant_ready(struct ssv_watch *watch)
{
	struct attendant *attendant = ssv_container_of(watch, struct attendant, watch);

	return attendant_read(attendant, attendant->take, attendant->context);
}

/* A file, or /dev/null, cannot be watched but is always ready, as a counter above 0 is. */
static int watch_file(struct attendant *attendant, struct ssv_server *server)
{
	attendant->always_ready = attendant->watch.fd = eventfd(1, EFD_CLOEXEC);
	if (attendant->always_ready < 0)
		return -errno;
	return ssv_server_watch(server, &attendant->watch);
}

int attendant_open(
	struct attendant *attendant, struct ssv_server *server, attendant_take *take, void *context)
{
	int rc;

	attendant->watch = (struct ssv_watch){.fd = STDIN_FILENO, .ready = attendant_ready};
	attendant->take = take;
	attendant->context = context;
	attendant->always_ready = -1;
	rc = ssv_server_watch(server, &attendant->watch);
	return rc == -EPERM ? watch_file(attendant, server) : rc;
}

void attendant_close(struct attendant *attendant)
{
	if (attendant->always_ready >= 0)
		close(attendant->always_ready);
	attendant->always_ready = -1;
}

/* Each line that is there; `ended`, or where there is no room for more, also what is no line yet.
 */
static void hand_out(struct attendant *attendant, bool ended, attendant_take *take, void *context)
{
	char *line = attendant->typed, *end = line + attendant->length, *newline;

	while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		take(context, line, (size_t)(newline - line));
		line = newline + 1;
	}
	if (end - line > ATTENDANT_LINE_SIZE) {
		take(context, line, ATTENDANT_LINE_SIZE);
		line += ATTENDANT_LINE_SIZE;
	}
	if (ended && line < end) {
		take(context, line, (size_t)(end - line));
		line = end;
	}
	attendant->length = (size_t)(end - line);
	memmove(attendant->typed, line, attendant->length);
}

int attendant_read(struct attendant *attendant, attendant_take *take, void *context)
{
	size_t room = sizeof(attendant->typed) - attendant->length;
	ssize_t n = read(STDIN_FILENO, attendant->typed + attendant->length, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		attendant_notice(attendant, "cannot read standard input", -errno);
	if (n > 0)
		attendant->length += (size_t)n;
	hand_out(attendant, n <= 0, take, context);
	return n > 0 ? 0 : SSV_EXIT;
}

int attendant_show(struct attendant *attendant, const char *text, size_t length, uint32_t *before)
{
	char shown[SSV_VISIBLE_SIZE(PIECE_SIZE)];
	size_t piece;
	int rc;

	for (; length > 0; text += piece, length -= piece) {
		piece = length < PIECE_SIZE ? length : PIECE_SIZE;
		rc = standard_output_write(shown, ssv_make_visible(shown, text, piece, before));
		if (rc < 0) {
			attendant_notice(attendant, "cannot write to standard output", rc);
			return SSV_EXIT;
		}
	}
	return 0;
}

void attendant_notice(struct attendant *attendant, const char *why, int error)
{
	ssv_server_report(attendant->watch.server, SSV_LOG_WARNING, NULL, why, error);
}
