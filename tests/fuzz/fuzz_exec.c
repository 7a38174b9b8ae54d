/* What exec makes of a command line, up to the program and the arguments it would run; nothing is
 * run. */
#include "../../handlers/exec_answer.h"
#include "../../handlers/exec_settings.h"
#include "../../handlers/handlers.h"
#include "pieces.h"

#include <ctype.h>
#include <errno.h>
#include <socketserver/socketserver.h>
#include <string.h>

#define MORE 8192 /* at most so much behind a question that is too long goes with it */

static struct exec_settings settings;
static struct ssv_server server;

/* --- in place of handlers/command.c: what would be run, a line for each argument --- */

int command_run(const struct command *command, struct command_result *result)
{
	struct text output = {0};

	for (char *const *argument = command->arguments; *argument != NULL; argument++)
		text_print(&output, "%s\n", *argument);
	*result = (struct command_result){.output = output.data, .size = output.size};
	return 0;
}

void command_cut(struct command_result *result, size_t size)
{
	EXPECT(result->size <= size);
}

/* --- what it should be --- */

static bool is_allowed(const char *name, const char **path, bool *arguments)
{
	static const struct {
		const char *name, *path;
		bool arguments;
	} allowed[] = {
		{"date", "/bin/date", false},
		{"uname", "/opt/mine", true},
		{"uptime", "/usr/bin/uptime", false},
		{"show", "/opt/a=b/show", true},
		{"s", "/opt/s", false},
	};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (strcmp(allowed[i].name, name) == 0) {
			*path = allowed[i].path;
			*arguments = allowed[i].arguments;
			return true;
		}
	}
	return false;
}

static void make_settings(bool raw, bool shell)
{
	static struct exec_shared shared;

	if (settings.shared == NULL) {
		slots_init(&shared.running);
		settings.shared = &shared;
		settings.allowed = (struct allow_list){
			.programs = {"uname=/opt/mine", "show=/opt/a=b/show", "s=/opt/s"},
			.program_count = 3,
			.with_arguments = {"uname", "show"},
			.with_arguments_count = 2,
		};
		EXPECT(allow_list_open(&settings.allowed) == 0);
		settings.max_reply = 65507;
	}
	settings.raw = raw;
	settings.shell = shell;
}

static void answer_words(struct text *reply, char *command)
{
	char *arguments[600] = {0};
	const char *path = NULL;
	bool may_have_arguments = false;
	int n = 0;

	for (; *command != '\0'; command++) {
		if (isspace((unsigned char)*command))
			*command = '\0';
		else if (n == 0 || command[-1] == '\0')
			arguments[n++] = command;
	}
	if (!is_allowed(arguments[0], &path, &may_have_arguments))
		text_print(reply, "%s", settings.allowed.refusal);
	else if (n > 1 && !may_have_arguments)
		text_print(reply, "refused: no arguments are allowed for this command\n");
	else
		text_print(reply, "%s\n", path);
	for (int i = 1; i < n && path != NULL && may_have_arguments; i++)
		text_print(reply, "%s\n", arguments[i]);
}

/* Whether the conversation goes on: what is not one line is no client's of ours. */
static bool answer(struct text *reply, struct input question, bool too_long, const char *nothing)
{
	char command[EXEC_COMMAND_SIZE + 1];
	bool is_lines;

	while (question.size > 0 && isspace((unsigned char)question.data[question.size - 1]))
		question.size--;
	while (question.size > 0 && isspace((unsigned char)question.data[0]))
		input_byte(&question);
	is_lines = memchr(question.data, '\r', question.size) != NULL ||
		   memchr(question.data, '\n', question.size) != NULL;
	memcpy(command, question.data, question.size);
	command[question.size] = '\0';
	if (question.size == 0)
		text_print(reply, "%s", nothing);
	else if (too_long)
		text_print(reply, "refused: a command has 1024 bytes at most\n");
	else if (is_lines)
		text_print(reply, "refused: a command is one line\n");
	else if (strlen(command) < question.size)
		text_print(reply, "refused: a zero byte in the command\n");
	else if (settings.shell)
		text_print(reply, "/bin/sh\n-c\n--\n%s\n", command);
	else
		answer_words(reply, command);
	return question.size == 0 || !(too_long || is_lines);
}

/* The questions are what the stream hands out; of one that is cut the rest is dropped. */
static void answer_all(struct text *reply, struct pieces pieces, bool one)
{
	struct input piece, question;
	bool too_long, goes_on;

	do {
		piece = pieces_take(&pieces, MORE);
		if (piece.size == 0)
			break;
		question = input_bytes(&piece, EXEC_COMMAND_SIZE);
		too_long = question.size == EXEC_COMMAND_SIZE &&
			   (piece.size > 0 || pieces_take(&pieces, MORE).size > 0);
		goes_on = answer(reply, question, too_long, one ? "ok" : "OK");
	} while (!one && goes_on);
}

/* --- */

/* One line, which no terminal takes for anything else. */
static void check_line(struct ssv_log *log, enum ssv_log_level level,
	const struct ssv_request *request, const char *message)
{
	const char *start = message;

	(void)log;
	(void)level;
	(void)request;
	EXPECT(strlen(message) < 2304);
	for (; *message != '\0'; message++)
		EXPECT(*message >= ' ' && *message <= '~');
	EXPECT(message[-1] == '"' || message[-1] == '.' || strstr(start, " more refused or blank"));
}

static struct ssv_log audit = {.write = check_line, .level = SSV_LOG_INFO};

static void run(const struct ssv_handler_ops *handler, struct pieces *pieces)
{
	struct ssv_request request;
	int rc;

	ssv_request_init(&request, &server);
	request.stream = &pieces->stream;
	rc = ssv_handler_run(handler, &ssv_stream_handler, &request);
	EXPECT(rc == 0);
	request.stream = NULL;
	ssv_request_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ssv_address nowhere = {.transport = SSV_TCP};
	struct input input = {(const char *)data, size};
	const unsigned int manner = input_byte(&input);
	const bool one = manner & 1;
	struct text should = {0};
	struct pieces pieces;

	make_settings(true, manner & 2);
	ssv_server_init(&server, &nowhere, exec_descriptor.ops);
	server.log = &audit;
	server.user = &settings;
	pieces_open(&pieces, input);
	if (pieces.rest.size > 0) {
		answer_all(&should, pieces, one);
		run(one ? exec_descriptor.datagram_ops : exec_descriptor.ops, &pieces);
		expect_same(&pieces.written, &should);
	}
	text_free(&should);
	pieces_close(&pieces);
	return 0;
}
