#include "exec_settings.h"
#include "command.h"
#include "exec_audit.h"
#include "is_local.h"
#include "log_line.h"
#include "number.h"
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEFAULT_TIME_LIMIT 10000
#define DEFAULT_OUTPUT (1024UL * 1024)
#define DEFAULT_REPLY 1024
#define DEFAULT_USER "nobody"

/* --- the options --- */

static int set_allow(void *state, const char *value)
{
	struct exec_settings *settings = state;

	return allow_list_add(&settings->allowed, value);
}

static int set_allow_args(void *state, const char *value)
{
	struct exec_settings *settings = state;

	return allow_list_add_arguments(&settings->allowed, value);
}

static int set_time_limit(void *state, const char *value)
{
	struct exec_settings *settings = state;

	return read_seconds(value, 0.001, 86400, &settings->time_limit);
}

static int read_bytes(const char *value, long high, size_t *bytes)
{
	long n;
	int rc = read_whole(value, 64, high, &n);

	if (rc == 0)
		*bytes = (size_t)n;
	return rc;
}

static int set_max_output(void *state, const char *value)
{
	struct exec_settings *settings = state;

	return read_bytes(value, 64 << 20, &settings->max_output);
}

static int set_max_reply(void *state, const char *value)
{
	struct exec_settings *settings = state;

	return read_bytes(value, 65507, &settings->max_reply);
}

static int set_reply(void *state, const char *value)
{
	struct exec_settings *settings = state;

	settings->raw = strcmp(value, "raw") == 0;
	return settings->raw || strcmp(value, "length") == 0 ? 0 : -EINVAL;
}

static int set_shell(void *state, const char *value)
{
	struct exec_settings *settings = state;

	(void)value;
	settings->shell = true;
	return 0;
}

static int set_insecure(void *state, const char *value)
{
	struct exec_settings *settings = state;

	(void)value;
	settings->insecure = true;
	return 0;
}

static int set_run_as(void *state, const char *value)
{
	struct exec_settings *settings = state;

	settings->run_as = value;
	return 0;
}

const struct ssv_handler_option exec_options[] = {
	{"allow", "NAME=PATH", "one more command: its name, and the program (absolute path)",
		set_allow},
	{"allow-args", "NAME", "that command may have arguments, any; else none do",
		set_allow_args},
	{"time-limit", "SECONDS", "kill a command after so long (default 10; 0.001 to 86400)",
		set_time_limit},
	{"max-output", "BYTES", "of a command (default 1048576; 64 to 67108864)", set_max_output},
	{"max-reply", "BYTES", "of a datagram (default 1024; 64 to 65507)", set_max_reply},
	{"reply", "length|raw",
		"length: its length first, as clients expect (default); raw: the output",
		set_reply},
	{"shell", NULL, "run any command line by /bin/sh, for the server's own user (unix:)",
		set_shell},
	{"insecure", NULL, "with --shell: for everybody, over what cannot tell who asks",
		set_insecure},
	{"run-as", "USER", "of the commands, where root starts the server (default nobody)",
		set_run_as},
	{.name = NULL},
};

/* --- where it may be served --- */

static int check_address(
	const struct exec_settings *settings, struct ssv_server *server, const char **error)
{
	const struct ssv_address *at = &server->server_address;
	int local = is_local(at);

	if (local < 0)
		return local;
	if (local == 0) {
		*error = "commands are for this host alone: take 127.0.0.1, [::1], localhost or a "
			 "unix: socket; from elsewhere, ssh";
		return -EACCES;
	}
	if (!settings->shell || at->transport == SSV_UNIX)
		return 0;
	if (!settings->insecure) {
		*error = "--shell without knowing who asks: take a unix: socket, or add --insecure "
			 "to let everybody on this host run anything";
		return -EACCES;
	}
	log_line(server, SSV_LOG_WARNING, NULL,
		"exec: --shell --insecure: everybody on this host can run anything here");
	return 0;
}

/* --- as whom --- */

/* Other errors than the lack of memory or descriptors say, in one way or another, that there is
 * none (getpwnam(3)). */
static int find_user(const char *name, const struct passwd **user, const char **error)
{
	errno = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet */
	*user = getpwnam(name);
	if (*user != NULL)
		return 0;
	if (errno == ENOMEM || errno == EMFILE || errno == ENFILE)
		return -errno;
	*error = "no such user to run commands as: name one with --run-as";
	return -ENOENT;
}

static int choose_user(struct exec_settings *settings, const char **error)
{
	const char *name = settings->run_as != NULL ? settings->run_as : DEFAULT_USER;
	const struct passwd *user;
	int rc;

	if (geteuid() != 0 && settings->run_as == NULL)
		return 0;
	if (geteuid() != 0) {
		*error = "only root can --run-as another user";
		return -EPERM;
	}
	rc = find_user(name, &user, error);
	if (rc < 0)
		return rc;
	if (user->pw_uid == 0 || user->pw_gid == 0) {
		*error = "commands do not run as root: name another user with --run-as";
		return -EPERM;
	}
	settings->confinement.switches_user = true;
	settings->confinement.uid = user->pw_uid;
	settings->confinement.gid = user->pw_gid;
	return 0;
}

static void set_defaults(struct exec_settings *settings)
{
	if (settings->time_limit == 0)
		settings->time_limit = DEFAULT_TIME_LIMIT;
	if (settings->max_output == 0)
		settings->max_output = DEFAULT_OUTPUT;
	if (settings->max_reply == 0)
		settings->max_reply = DEFAULT_REPLY;
	settings->confinement = (struct confinement){
		.read_only = !settings->shell,
		.cpu_seconds = (rlim_t)(settings->time_limit + 999) / 1000,
		.memory = 256UL * 1024 * 1024,
		.processes = 32,
		.descriptors = 64,
		.file_size = 1024UL * 1024,
	};
}

/* The servers' close waits for commands to be ended. */
static int prepare(struct exec_settings *settings, struct ssv_server *const *servers, size_t count)
{
	void *memory = mmap(NULL, sizeof(*settings->shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	settings->shared = memory;
	slots_init(&settings->shared->running);
	settings->first = servers[0];
	settings->server = getpid();
	for (size_t i = 0; i < count; i++)
		servers[i]->abort_timeout = COMMAND_END_TIME;
	return 0;
}

/* --- what is chosen together --- */

static bool has_stream(struct ssv_server *const *servers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ssv_transport_is_stream(servers[i]->server_address.transport))
			return true;
	return false;
}

/* Why one of the options has no effect; NULL where each has. */
static const char *find_idle_option(
	const struct exec_settings *settings, struct ssv_server *const *servers, size_t count)
{
	const struct allow_list *allowed = &settings->allowed;

	if (settings->shell && (allowed->program_count > 0 || allowed->with_arguments_count > 0))
		return "--shell runs anything: leave it out, or leave out --allow and --allow-args";
	if (settings->insecure && !settings->shell)
		return "--insecure is for --shell alone: leave it out, or add --shell";
	if (settings->raw && !has_stream(servers, count))
		return "--reply is for streams: leave it out; a datagram is the output alone";
	return NULL;
}

int exec_settings_open(
	void *state, struct ssv_server *const *servers, size_t count, const char **error)
{
	struct exec_settings *settings = state;
	int rc = 0;

	*error = find_idle_option(settings, servers, count);
	if (*error != NULL)
		return -EINVAL;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = check_address(settings, servers[i], error);
	if (rc < 0)
		return rc;
	set_defaults(settings);
	rc = allow_list_open(&settings->allowed);
	if (rc < 0)
		*error = "--allow-args names no command: add it with --allow";
	if (rc == 0)
		rc = choose_user(settings, error);
	return rc < 0 ? rc : prepare(settings, servers, count);
}

void exec_settings_close(void *state)
{
	struct exec_settings *settings = state;

	exec_audit_rest(settings->first);
	munmap(settings->shared, sizeof(*settings->shared));
}
