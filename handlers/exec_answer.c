#include "exec_answer.h"
#include "exec_audit.h"
#include "exec_settings.h"
#include <errno.h>
#include <signal.h>
#include <socketserver/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGUMENTS (EXEC_COMMAND_SIZE / 2 + 1)
#define TEXT_OF(macro) #macro
#define TEXT(macro) TEXT_OF(macro)
#define PATIENCE 1000 /* ms, with a client that can acknowledge nothing any more */

/* --- whether it may be run --- */

static const char *resolve_for_shell(
	const struct ssv_handler *handler, char *command, char **arguments)
{
	struct ssv_credentials peer;

	if (handler->request->client_address.transport == SSV_UNIX &&
		(ssv_request_credentials(handler->request, &peer) < 0 || peer.uid != geteuid()))
		return "refused: only the server's own user may run commands here\n";
	arguments[0] = (char *)"/bin/sh";
	arguments[1] = (char *)"-c";
	arguments[2] = (char *)"--";
	arguments[3] = command;
	arguments[4] = NULL;
	return NULL;
}

/* HTTP, which a web page can have a browser speak to us, has more lines than one. */
static const char *refuse_stranger(const struct exec_question *question)
{
	if (question->too_long)
		return "refused: a command has " TEXT(EXEC_COMMAND_SIZE) " bytes at most\n";
	return memchr(question->text, '\r', question->length) != NULL ||
			       memchr(question->text, '\n', question->length) != NULL
		       ? "refused: a command is one line\n"
		       : NULL;
}

/* Why it is refused, or NULL; `question` is changed, and the arguments point into it. */
static const char *resolve(
	const struct ssv_handler *handler, struct exec_question *question, char **arguments)
{
	const struct exec_settings *settings = handler->server->user;

	if (strlen(question->text) < question->length)
		return "refused: a zero byte in the command\n";
	if (settings->shell)
		return resolve_for_shell(handler, question->text, arguments);
	return allow_list_resolve(&settings->allowed, question->text, arguments, MAX_ARGUMENTS);
}

/* --- running it --- */

static const char *const ends[] = {
	[COMMAND_ENDED] = "status",
	[COMMAND_TIMED_OUT] = "timed out, status",
	[COMMAND_TOO_LONG] = "too much output, status",
	[COMMAND_NO_MEMORY] = "no memory for more output, status",
	[COMMAND_ABANDONED] = "client gone, status",
	[COMMAND_STOPPED] = "server stopped, status",
};

/* A child of a forking server is told of its end by SIGTERM, which we have blocked. */
static bool is_over(const void *context)
{
	const struct ssv_handler *handler = context;
	const struct exec_settings *settings = handler->server->user;
	sigset_t pending;

	if (getpid() == settings->server)
		return ssv_server_is_aborting(handler->server);
	sigpending(&pending);
	return sigismember(&pending, SIGTERM) == 1;
}

static int run(const struct ssv_handler *handler, char *const *arguments, struct exec_reply *reply)
{
	const struct exec_settings *settings = handler->server->user;
	struct ssv_stream *stream = handler->request->stream;
	const struct command command = {
		.arguments = arguments,
		.confinement = &settings->confinement,
		.time_limit = settings->time_limit,
		.max_output = settings->max_output,
		.client =
			ssv_transport_is_stream(stream->transport) ? ssv_stream_fileno(stream) : -1,
		.patience = settings->raw ? -1 : PATIENCE,
		.is_over = is_over,
		.context = handler,
	};
	int slot = slots_take(&settings->shared->running), rc;

	if (slot < 0)
		return slot;
	rc = command_run(&command, &reply->result);
	slots_give_back(&settings->shared->running, slot);
	return rc;
}

static void set_text(struct exec_reply *reply, const char *text)
{
	reply->text = text;
	reply->size = strlen(text);
}

static void take_output(struct exec_reply *reply, const struct exec_manner *manner)
{
	struct command_result *result = &reply->result;

	command_cut(result, manner->most);
	if (result->size == 0) {
		set_text(reply, manner->nothing);
	} else {
		reply->text = result->output;
		reply->size = result->size;
	}
}

/* Ends with a whole word, a mark and a newline; there is room for these. */
static void cut_text(struct exec_reply *reply, size_t size)
{
	static const char mark[] = " ...\n";
	size_t end = size - strlen(mark);

	while (reply->text[end] != ' ')
		end--;
	memcpy(reply->cut, reply->text, end);
	stpcpy(reply->cut + end, mark);
	set_text(reply, reply->cut);
}

static void refuse(struct exec_reply *reply, const struct exec_manner *manner, const char *why)
{
	set_text(reply, why);
	if (reply->size > manner->most)
		cut_text(reply, manner->most);
}

static const char *why_not_run(int error)
{
	if (error == -EBUSY)
		return "refused: " TEXT(SLOTS_COUNT) " commands are running; try again later\n";
	if (error == -ENOMEM)
		return "refused: no memory for it; try again later\n";
	return "refused: no process for it; try again later\n";
}

/* What becomes of it: one of the words for the log. */
static const char *run_or_refuse(const struct ssv_handler *handler, struct exec_question *question,
	const struct exec_manner *manner, struct exec_reply *reply)
{
	char *arguments[MAX_ARGUMENTS];
	const char *refusal = refuse_stranger(question);
	int rc;

	reply->is_last = refusal != NULL;
	if (refusal == NULL)
		refusal = resolve(handler, question, arguments);
	if (refusal != NULL) {
		refuse(reply, manner, refusal);
		return "refused";
	}
	rc = run(handler, arguments, reply);
	if (rc == 0) {
		take_output(reply, manner);
		return ends[reply->result.end];
	}
	refuse(reply, manner, why_not_run(rc));
	return rc == -EBUSY ? "busy" : rc == -ENOMEM ? "no memory" : "no process";
}

/* So that the end of a forking server's child waits until the line is in the log. */
static void hold_end(const struct exec_settings *settings, sigset_t *before)
{
	sigset_t end;

	sigemptyset(&end);
	if (getpid() != settings->server)
		sigaddset(&end, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &end, before);
}

int exec_answer(const struct ssv_handler *handler, const struct exec_question *question,
	const struct exec_manner *manner, struct exec_reply *reply)
{
	struct exec_question changed = *question;
	struct exec_audit audit;
	sigset_t before;

	hold_end(handler->server->user, &before);
	exec_audit_begin(&audit, question->text, question->length);
	*reply = (struct exec_reply){.result.status = -1};
	if (question->length == 0) {
		set_text(reply, manner->nothing);
		audit.outcome = "blank";
	} else {
		audit.outcome = run_or_refuse(handler, &changed, manner, reply);
	}
	audit.ran = reply->result.output != NULL;
	audit.status = reply->result.status;
	audit.bytes = reply->size;
	exec_audit_end(&audit, handler);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return reply->result.end == COMMAND_ABANDONED ? -EPIPE : 0;
}

void exec_reply_free(struct exec_reply *reply)
{
	free(reply->result.output);
}
