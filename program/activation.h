/**
 * Sockets that whoever started the program has opened for it: systemd's socket activation
 * (sd_listen_fds(3)), a predecessor's, or plain descriptors. As an address such a socket is fd:NAME
 * or fd:NUMBER.
 */
#ifndef PROGRAM_ACTIVATION_H
#define PROGRAM_ACTIVATION_H

#include <socketserver/address.h>

#define ACTIVATION_MAX 128
#define ACTIVATION_NAME_SIZE 256 /**< of systemd's, with the NUL */

struct passed_socket {
	int fd;     /**< where it is, … */
	int number; /**< … and where it was when it was passed first: fd:NUMBER */
	char name[ACTIVATION_NAME_SIZE]; /**< or "" */
	bool taken;                      /**< it is some listener's */
};

/**
 * At the start: looks at LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, takes them out of the
 * environment, and makes the descriptors close-on-exec. Returns 0, or an exit status after saying
 * what is wrong.
 */
int activation_open(void);

/** Adds one that came in another way. Returns false where there are too many. */
bool activation_add(int fd, int number, const char *name);

/** All of them, in their order. */
struct passed_socket *activation_sockets(size_t *count);

/** Whether it is one's address, by its form. */
bool activation_is_address(const char *text);

/**
 * The next one that fd:NAME or fd:NUMBER means and that is not taken yet, and takes it; or NULL. A
 * number that nobody has announced is a descriptor that is simply there.
 */
struct passed_socket *activation_take(const char *text);

/** Says that there is none such, which there are, and how to pass one. */
void activation_complain(const char *text);

/** The first that nobody has taken, or NULL. */
const struct passed_socket *activation_left(void);

/** What a descriptor is. */
struct passed_kind {
	struct ssv_address at; /**< its own end */
	bool is_connection;    /**< it is connected, and does not listen */
};

/** Returns 0, or a negative errno: -ENOTSOCK, -EBADF, -EPROTOTYPE (no transport of ours). */
int activation_look(int fd, struct passed_kind *kind);

/** As soon as it is known that inetd(8) has started us: standard output and error, as far as they
 * are the socket that is standard input, go to /dev/null, so that no client is sent our messages.
 */
void activation_spare_client(void);

/**
 * As inetd(8) starts programs: makes what is descriptor 0 one that was passed under this number,
 * and gives the three standard descriptors, as far as they are that socket, to /dev/null. Returns
 * 0, or an exit status after saying what is wrong.
 */
int activation_take_standard_input(void);

#endif
