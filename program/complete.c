#include "complete.h"
#include "options.h"
#include "output.h"
#include "registry.h"
#include "serve_settings.h"
#include "talk.h"
#include "top.h"
#include "words.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* What is known of the line. */
struct typed {
	const struct option_spec *specs;
	const struct ssv_handler_option *own; /* a built-in handler's; NULL: none */
	const struct ssv_handler_descriptor *handler;
	const char *address; /* the first one, or NULL */
	const char *last;    /* the word to be completed */
	int operands;        /* before it */
};

static const struct {
	const char *name, *about;
	const struct option_spec *const *specs;
} commands[] = {
	{"serve", "serve a handler", &serve_options},
	{"talk", "connect standard input and output to a server", &talk_options},
	{"top", "show what a server is doing", &top_options},
	{"handlers", "list the handlers", NULL},
	{"--help", "show how it is used", NULL},
	{"--version", "show its version", NULL},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Of options whose value is no choice in their table. */
static const struct {
	const char *option, *values;
} known[] = {
	{"as", "lines exec chat raw"},
	{"log-to", "stderr syslog syslog:"},
	{"stats", "unix: tcp://127.0.0.1:"},
	{"allow-from", "127.0.0.0/8 10.0.0.0/8 ::1"},
	{"deny-from", "127.0.0.0/8 10.0.0.0/8 ::1"},
};

static void offer(const struct typed *typed, const char *prefix, const char *word, size_t length,
	const char *about)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s%.*s", prefix, (int)length, word);
	if (strncmp(whole, typed->last, strlen(typed->last)) == 0)
		printf("%s\t%s\n", whole, about);
}

static void offer_word(const struct typed *typed, const char *word, const char *about)
{
	offer(typed, "", word, strlen(word), about);
}

/* Words that one of these characters stands between. */
static void offer_words(
	const struct typed *typed, const char *prefix, const char *words, const char *separators)
{
	size_t length;

	for (; *words != '\0'; words += length + (words[length] != '\0')) {
		length = strcspn(words, separators);
		offer(typed, prefix, words, length, "");
	}
}

/* --- values --- */

static bool is_file(const char *value)
{
	return strstr(value, "FILE") != NULL || strstr(value, "PATH") != NULL ||
	       strstr(value, "DIR") != NULL;
}

/* Over the transport of the first address, or else of the default one. */
static const char *modes_of(const struct typed *typed)
{
	const struct ssv_handler_descriptor *handler = typed->handler;
	const char *address = typed->address;

	if (handler == NULL)
		return "sync threading forking";
	if (address == NULL)
		address = handler->transports;
	return handler->datagram_modes != NULL && (strncmp(address, "udp", 3) == 0 ||
							  strncmp(address, "unixgram", 8) == 0)
		       ? handler->datagram_modes
		       : handler->modes;
}

static void offer_users(const struct typed *typed, const char *prefix)
{
	const struct passwd *user;

	while ((user = getpwent()) != NULL) /* NOLINT(concurrency-mt-unsafe): one thread */
		offer(typed, prefix, user->pw_name, strlen(user->pw_name), "");
	endpwent();
}

static void offer_groups(const struct typed *typed, const char *prefix)
{
	const struct group *group;

	while ((group = getgrent()) != NULL) /* NOLINT(concurrency-mt-unsafe) */
		offer(typed, prefix, group->gr_name, strlen(group->gr_name), "");
	endgrent();
}

static void offer_values(
	const struct typed *typed, const char *prefix, const char *name, const char *value)
{
	if (strcmp(value, "MODE") == 0)
		offer_words(typed, prefix, modes_of(typed), " ");
	else if (strcmp(value, "USER") == 0)
		offer_users(typed, prefix);
	else if (strcmp(value, "GROUP") == 0)
		offer_groups(typed, prefix);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].option, name) == 0)
			offer_words(typed, prefix, known[i].values, " ");
	if (strchr(value, '|') != NULL)
		offer_words(typed, prefix, value, "|");
	else if (is_file(value))
		printf(":files %s\n", prefix);
}

/* Finds --NAME, with or without =VALUE, or -N. Returns what its value is called, or NULL: it has
 * none, or there is no such option. `name` is pointed at its whole name. */
static const char *find_option(const struct typed *typed, const char *word, const char **name)
{
	const struct option_spec *spec = typed->specs;
	const struct ssv_handler_option *own = typed->own;
	size_t length = strcspn(word, "=");

	for (; spec->name != NULL; spec++) {
		*name = spec->name;
		if (strlen(*name) + 2 == length && strncmp(word + 2, *name, length - 2) == 0)
			return spec->value;
		if (length == 2 && spec->letter != 0 && word[1] == spec->letter)
			return spec->value;
	}
	for (; own != NULL && own->name != NULL; own++) {
		*name = own->name;
		if (strlen(*name) + 2 == length && strncmp(word + 2, *name, length - 2) == 0)
			return own->value;
	}
	return NULL;
}

/* --- the last word --- */

static void offer_options(const struct typed *typed)
{
	const struct ssv_handler_option *own = typed->own;

	for (const struct option_spec *spec = typed->specs; spec->name != NULL; spec++)
		offer(typed, "--", spec->name, strlen(spec->name), spec->help);
	for (; own != NULL && own->name != NULL; own++)
		offer(typed, "--", own->name, strlen(own->name), own->help);
}

/* --NAME=VALUE, as far as it was typed */
static void offer_assigned(const struct typed *typed)
{
	const char *name = NULL, *value = find_option(typed, typed->last, &name);
	char prefix[80];

	if (value == NULL)
		return;
	snprintf(prefix, sizeof(prefix), "--%s=", name);
	offer_values(typed, prefix, name, value);
}

static void offer_handlers(const struct typed *typed)
{
	if (strchr("./~", typed->last[0]) != NULL && typed->last[0] != '\0')
		printf(":files \n");
	for (int i = 0; registry_built_in[i] != NULL; i++)
		offer_word(typed, registry_built_in[i]->name, registry_built_in[i]->help);
}

static void offer_addresses(const struct typed *typed, const char *transports)
{
	static const struct {
		const char *transport, *begin, *about;
	} addresses[] = {
		{"tcp", "tcp://127.0.0.1:", "HOST:PORT"},
		{"udp", "udp://127.0.0.1:", "HOST:PORT"},
		{"unix", "unix:", "a socket file, or @NAME"},
		{"unixgram", "unixgram:", "a socket file for datagrams, or @NAME"},
	};
	const char *begin;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		begin = addresses[i].begin;
		if (!words_have(transports, addresses[i].transport))
			continue;
		if (begin[strlen(begin) - 2] != '1' &&
			strncmp(typed->last, begin, strlen(begin)) == 0)
			printf(":files %s\n", begin);
		else
			offer_word(typed, begin, addresses[i].about);
	}
}

static void offer_operands(const struct typed *typed)
{
	if (typed->specs == serve_options && typed->operands == 0)
		offer_handlers(typed);
	else if (typed->specs == serve_options)
		offer_addresses(typed, typed->handler != NULL ? typed->handler->transports
							      : "tcp udp unix unixgram");
	else if (typed->operands == 0)
		offer_addresses(
			typed, typed->specs == top_options ? "tcp unix" : "tcp udp unix unixgram");
}

/* --- the words before it --- */

/* A plug-in is not loaded for that: nobody has asked for it to run. */
static void take_operand(struct typed *typed, const char *word)
{
	if (typed->operands == 1)
		typed->address = word;
	if (typed->operands++ > 0 || typed->specs != serve_options)
		return;
	for (int i = 0; registry_built_in[i] != NULL; i++)
		if (strcmp(registry_built_in[i]->name, word) == 0)
			typed->handler = registry_built_in[i];
	if (typed->handler != NULL)
		typed->own = typed->handler->options;
}

static void complete_words(struct typed *typed, int count, char **words)
{
	const char *name = NULL, *value = NULL; /* the option's whose value comes */

	for (int i = 0; i < count - 1; i++) {
		if (value != NULL)
			value = NULL;
		else if (words[i][0] != '-')
			take_operand(typed, words[i]);
		else if (strchr(words[i], '=') == NULL)
			value = find_option(typed, words[i], &name);
	}
	typed->last = words[count - 1];
	if (value != NULL)
		offer_values(typed, "", name, value);
	else if (typed->last[0] == '-' && strchr(typed->last, '=') != NULL)
		offer_assigned(typed);
	else if (typed->last[0] == '-')
		offer_options(typed);
	else
		offer_operands(typed);
}

int complete_main(int count, char **arguments)
{
	struct typed typed = {.last = count > 1 ? arguments[1] : ""};

	for (size_t i = 0; i < COMMANDS; i++) {
		if (count <= 2)
			offer_word(&typed, commands[i].name, commands[i].about);
		else if (strcmp(commands[i].name, arguments[1]) == 0 && commands[i].specs != NULL)
			typed.specs = *commands[i].specs;
	}
	if (typed.specs != NULL)
		complete_words(&typed, count - 2, arguments + 2);
	return output_finish();
}
