#include "exec_audit.h"
#include "exec_settings.h"
#include "log_line.h"
#include "monotonic.h"
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 3072
#define REFUSED_SIZE 256 /* of what is quoted of a command that did not run */

void exec_audit_begin(struct exec_audit *audit, const char *command, size_t length)
{
	*audit = (struct exec_audit){
		.command = command, .length = length, .asked = monotonic_ms(), .status = -1};
}

/* As in C, so that it can be undone. Without room for the rest it ends in dots, which cannot be
 * mistaken: there is no quotation mark behind them. */
static void quote(const char *text, size_t length, char *to, size_t size)
{
	char *const end = to + size - sizeof("\\xff\"") - sizeof("...");

	*to++ = '"';
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (to >= end) {
			snprintf(to, sizeof("..."), "...");
			return;
		}
		if (c == '"' || c == '\\')
			to += sprintf(to, "\\%c", c);
		else if (c >= ' ' && c <= '~')
			*to++ = (char)c;
		else
			to += sprintf(to, "\\x%02x", c);
	}
	*to++ = '"';
	*to = '\0';
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

void exec_audit_end(const struct exec_audit *audit, const struct ssv_handler *handler)
{
	const struct ssv_request *request = handler->request;
	char peer[2 * SSV_ADDRESS_TEXT_SIZE + 64], status[16], command[2048], line[LINE_SIZE];

	if (!is_worth_a_line(audit, handler->server))
		return;
	name_peer(request, peer, sizeof(peer));
	name_status(audit, status, sizeof(status));
	quote(audit->command, audit->length, command, audit->ran ? sizeof(command) : REFUSED_SIZE);
	snprintf(line, sizeof(line), "exec: %s%s%s, %zu bytes, %lld ms: %s", peer, audit->outcome,
		status, audit->bytes, (long long)(monotonic_ms() - audit->asked), command);
	log_line(handler->server, SSV_LOG_INFO, chose_name(request) ? NULL : request, line);
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
