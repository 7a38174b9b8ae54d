#include "exec_audit.h"
#include "log_line.h"
#include "monotonic.h"
#include <socketserver/server.h>
#include <stdio.h>

void exec_audit_begin(struct exec_audit *audit, const char *command, size_t length)
{
	*audit = (struct exec_audit){
		.command = command, .length = length, .asked = monotonic_ms(), .status = -1};
}

/* As in C, so that it can be undone. Without room for the rest it ends in dots, which cannot be
 * mistaken: there is no quotation mark behind them. */
static void quote(const struct exec_audit *audit, char *to, size_t size)
{
	char *const end = to + size - sizeof("\\xff\"") - sizeof("...");

	*to++ = '"';
	for (size_t i = 0; i < audit->length; i++) {
		unsigned char c = (unsigned char)audit->command[i];

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

/* Where the address does not tell. */
static void name_peer(const struct ssv_request *request, char *to, size_t size)
{
	struct ssv_credentials peer;

	*to = '\0';
	if (ssv_request_credentials(request, &peer) == 0)
		snprintf(to, size, "uid %u, pid %d, ", (unsigned int)peer.uid, (int)peer.pid);
}

void exec_audit_end(const struct exec_audit *audit, const struct ssv_handler *handler)
{
	char peer[64], status[16] = "", command[2048], line[2304];

	name_peer(handler->request, peer, sizeof(peer));
	if (audit->status >= 0)
		snprintf(status, sizeof(status), " %d", audit->status);
	quote(audit, command, sizeof(command));
	snprintf(line, sizeof(line), "exec: %s%s%s, %zu bytes, %lld ms: %s", peer, audit->outcome,
		status, audit->bytes, (long long)(monotonic_ms() - audit->asked), command);
	log_line(handler->server, SSV_LOG_INFO, handler->request, line);
}
