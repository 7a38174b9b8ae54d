/** What the command line of `serve` says, and the table of its options. */
#ifndef PROGRAM_SERVE_SETTINGS_H
#define PROGRAM_SERVE_SETTINGS_H

#include "listener.h"
#include "log_output.h"
#include "options.h"
#include "service.h"

/** Where a handler is served to which no address was given, over its first transport. */
#define SERVE_DEFAULT_PLACE "127.0.0.1:9999"

struct serve_settings {
	struct listener_settings listener;
	int timeout, deadline, grace; /* ms; 0: none */
	int requests;                 /* 0: no end to them */
	bool public, verbose, help, help_all;
	const char *stats; /* an address, or NULL */
	bool stats_public;
	struct log_settings log;
	struct service_settings service;
	const char *config; /* or NULL */
};

/** What sets them. */
extern const struct option_spec *const serve_options;

void serve_settings_init(struct serve_settings *settings);

/** Whether each option can do something. Returns 0, or an exit status after saying which cannot. */
int serve_settings_check(const struct serve_settings *settings);

/** Whether help was asked for; and gives it: where there is a handler on that alone, unless all is
 * asked for. Returns the exit status. */
bool serve_settings_want_help(const struct serve_settings *settings);
int serve_settings_print_help(
	const struct serve_settings *settings, const struct ssv_handler_descriptor *handler);

#endif
