/** One server, of whatever class an address and a mode ask for. */
#ifndef PROGRAM_LISTENER_H
#define PROGRAM_LISTENER_H

#include "cidr_list.h"
#include <socketserver/handler_descriptor.h>
#include <socketserver/socketserver.h>

/** What the command line says about the servers, whatever their class. */
struct listener_settings {
	const char *mode; /**< "sync", "threading", "forking", or NULL: the handler's first */
	int backlog;      /**< 0: as the class has it */
	int max_threads, max_children;
	int stack_size; /**< KiB */
	int udp_rate;   /**< packets a second from one source; 0: any number */
	int max_connections, max_per_address, rate; /**< 0: any number */
	int when_full;                              /**< 0: wait, 1: refuse */
	const char *given_when_full;                /**< as it was given, or NULL */
	struct cidr_list allow, deny;
	uid_t file_user; /**< whose a Unix socket's file is to be; (uid_t)-1: the process's */
	gid_t file_group;
	bool may_be_handed_over;
};

struct connection;

/** It must not move after its init. */
struct listener {
	union {
		struct ssv_tcp_server tcp;
		struct ssv_udp_server udp;
		struct ssv_unix_stream_server unix_stream;
		struct ssv_unix_datagram_server unix_datagram;
	} of;
	struct ssv_datagram_guard guard;      /**< in front of a UDP server */
	struct ssv_admission_mixin admission; /**< in front of all, where it has limits */
	union {
		struct ssv_threading_mixin threading;
		struct ssv_forking_mixin forking;
	} mixin;
	struct ssv_server *server;         /**< the BaseServer in `of` */
	const char *mode;                  /**< what it is: "sync", "threading" or "forking" */
	const char *given;                 /**< the very text that named the address, or NULL */
	char asked[SSV_ADDRESS_TEXT_SIZE]; /**< the address as it was before its open */
	bool was_passed;                   /**< whoever started the program opened the socket */
};

/** The modes in which the handler works over the transport of `at`, its default first. */
const char *listener_modes(
	const struct ssv_address *at, const struct ssv_handler_descriptor *handler);

/** A server of the class for the transport of `at`, with the mode's mix-in in front, and admission
 * where that has anything to limit; its listener is that `connection`, unless it is NULL. All of
 * them must stay as long as it. Cannot fail. */
void listener_init(struct listener *listener, const struct ssv_address *at,
	const struct ssv_handler_descriptor *handler, const struct listener_settings *settings,
	struct connection *connection);

/** The class's own adopt, as ssv_tcp_server_adopt(). */
int listener_adopt(struct listener *listener, int fd);

/** Whether that server, which is open, is what keeps others from listening at an address. */
bool listener_occupies(const struct ssv_server *server, const struct ssv_address *at);

/** The file of a Unix socket; NULL for other classes. */
struct ssv_unix_socket *listener_file(struct listener *listener);

#endif
