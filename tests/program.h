/** The program, end to end: what a user types, and what comes of it. SOCKETSERVER names it;
 * PLUGIN_HELLO and PLUGIN_OLD name the plug-ins. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include "process.h"
#include "support.h"

#include <stdint.h>

#define ARGUMENTS(...)                                                                             \
	(const char *const[])                                                                      \
	{                                                                                          \
		getenv("SOCKETSERVER"), __VA_ARGS__, NULL                                          \
	}

/** It said one line, with all of the parts, the last being NULL, on standard error alone. */
void refused(struct result result, int status, ...);

/** Starts a server at a TCP port of its own; says which. */
struct child start_server(const char *const *arguments, uint16_t *port);
struct child serve_echo(uint16_t *port);

#define SERVE_ECHO(port, ...)                                                                      \
	start_server(ARGUMENTS("serve", "echo", "tcp://127.0.0.1:0", __VA_ARGS__), port)

/** The port in the line that says that it listens. */
uint16_t read_port(const struct child *server);

/** It ends well on SIGTERM. */
void stop(struct child server);

/** A TCP client; the first returns -1 where nobody listens. */
int try_connect(uint16_t port);
int connect_to_port(uint16_t port);
void round_trip(int fd, const char *text);
void is_closed(int fd);

/** A socket of the test's own, bound to a port of its own, that listens if it can. */
int bind_socket(int type, uint16_t *port);
uint16_t free_port(void);

/** Addresses as the program has them. */
struct address {
	char text[64];
};

struct address tcp(uint16_t port);
struct address at_path(const char *transport);

/** A path for a socket, in a directory that remove_path() removes with it. */
extern char path[32];
void make_path(void);
void remove_path(void);
extern const char *const local_transports[2];

double seconds(void);

/** Runs a suite with Check's summary; what main() returns. */
int run_program_suite(Suite *suite);

#endif
