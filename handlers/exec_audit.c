#include "exec_audit.h"
#include "exec_settings.h"
#include "log_line.h"
#include "monotonic.h"
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 3072
#define RAN_SIZE 1400    /* of what is quoted in one line: in JSON twice as much, and still whole */
#define REFUSED_SIZE 256 /* of a command that did not run, in all */

void exec_audit_begin(struct exec_audit *audit, const char *command, size_t length)
{
	*audit = (struct exec_audit){
		.command = command, .length = length, .asked = monotonic_ms(), .status = -1};
}

static char *quote_byte(char *to, unsigned char c)
{
	if (c == '"' || c == '\\')
		return to + sprintf(to, "\\%c", c);
	return to + sprintf(to, c >= ' ' && c <= '~' ? "%c" : "\\x%02x", c);
}

/* As in C, so that it can be undone; as much as there is room for, with dots behind it where that
 * is not all. Within the quotation marks nobody can forge them. Returns how many bytes it was. */
static size_t quote(const char *text, size_t length, char *to, size_t size)
{
	char *const end = to + size - sizeof("\\xff\"...");
	size_t i;

	*to++ = '"';
	for (i = 0; i < length && to < end; i++)
		to = quote_byte(to, (unsigned char)text[i]);
	stpcpy(to, i < length ? "\"..." : "\"");
	return i;
}

/* --- who it was --- */

static bool chose_name(const struct ssv_request *request)
{
	return request->client_address.transport == SSV_UNIX ||
	       request->client_address.transport == SSV_UNIXGRAM;
}

/* A name that the client chose is quoted: it could look like the rest of a line. */
static void name_peer(const struct ssv_request *request, char *to, size_t size)
{
	char address[SSV_ADDRESS_TEXT_SIZE], quoted[2 * SSV_ADDRESS_TEXT_SIZE], who[64] = "";
	struct ssv_credentials peer;

	*to = '\0';
	if (!chose_name(request))
		return;
	ssv_address_format(&request->client_address, address);
	quote(address, strlen(address), quoted, sizeof(quoted));
	if (ssv_request_credentials(request, &peer) == 0)
		snprintf(who, sizeof(who), "uid %u, pid %d, ", (unsigned int)peer.uid,
			(int)peer.pid);
	snprintf(to, size, "%s, %s", quoted, who);
}

/* --- how it ended --- */

static void name_status(const struct exec_audit *audit, char *to, size_t size)
{
	if (!audit->ran)
		*to = '\0';
	else if (audit->status < 0)
		snprintf(to, size, " unknown");
	else
		snprintf(to, size, " %d", audit->status);
}

/* One that ran has its line whatever happens; the rest only as far as it is no flood. */
static bool is_worth_a_line(const struct exec_audit *audit, const struct ssv_server *server)
{
	const struct exec_settings *settings = server->user;

	if (audit->ran)
		return true;
	if (!budget_take(&settings->shared->refusals))
		return false;
	exec_audit_rest(server);
	return true;
}

/* One that ran is there whole, in more lines than one where it must be, each beginning alike. */
static void say_command(
	const struct exec_audit *audit, const struct ssv_handler *handler, const char *head)
{
	const struct ssv_request *request = handler->request;
	const size_t room = audit->ran ? RAN_SIZE : REFUSED_SIZE;
	char quoted[RAN_SIZE], line[LINE_SIZE];
	size_t said = 0, n;

	do {
		n = quote(audit->command + said, audit->length - said, quoted, room);
		snprintf(line, sizeof(line), "exec: %s: %s%s", head, said > 0 ? "..." : "", quoted);
		log_line(handler->server, SSV_LOG_INFO, chose_name(request) ? NULL : request, line);
		said += n;
	} while (audit->ran && said < audit->length);
}

void exec_audit_end(const struct exec_audit *audit, const struct ssv_handler *handler)
{
	char peer[2 * SSV_ADDRESS_TEXT_SIZE + 64], status[16], head[LINE_SIZE - RAN_SIZE - 16];

	if (!is_worth_a_line(audit, handler->server))
		return;
	name_peer(handler->request, peer, sizeof(peer));
	name_status(audit, status, sizeof(status));
	snprintf(head, sizeof(head), "%s%s%s, %zu bytes, %lld ms", peer, audit->outcome, status,
		audit->bytes, (long long)(monotonic_ms() - audit->asked));
	say_command(audit, handler, head);
}

void exec_audit_rest(const struct ssv_server *server)
{
	const struct exec_settings *settings = server->user;
	unsigned int left_out = budget_left_out(&settings->shared->refusals);
	char line[64];

	if (left_out == 0)
		return;
	snprintf(line, sizeof(line), "exec: %u more refused or blank", left_out);
	log_line(server, SSV_LOG_INFO, NULL, line);
}
