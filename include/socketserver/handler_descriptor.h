/**
 * A handler as the program `socketserver` knows it: built in, or a plug-in of your own.
 *
 * A plug-in is a shared object that exports one symbol of this type, `ssv_handler_plugin`:
 *
 *     const struct ssv_handler_descriptor ssv_handler_plugin = {
 *             .abi = SSV_ABI, .name = "hello", .help = "greets", .transports = "tcp unix",
 *             .modes = "sync threading forking", .ops = &hello_handler,
 *     };
 *
 * To compile and serve it:
 *
 *     cc -shared -fPIC hello.c -o hello.so $(pkg-config --cflags --libs socketserver)
 *     socketserver serve ./hello.so
 *
 * The program and the plug-in share one copy of the library.
 */
#ifndef SOCKETSERVER_HANDLER_DESCRIPTOR_H
#define SOCKETSERVER_HANDLER_DESCRIPTOR_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/** The version of the structs in these headers; a plug-in compiled with another one is refused. */
#define SSV_ABI 1

/** An option of the handler's own, `--NAME VALUE` or, where `value` is NULL, `--NAME`. */
struct ssv_handler_option {
	const char *name;  /**< without the dashes; NULL ends the list */
	const char *value; /**< what the value is called in --help: "LINE"; NULL: it has none */
	const char *help;  /**< one line */
	/**
	 * Takes the value, which stays valid, into the state; NULL where the option has none. 0, or
	 * a negative errno for a value that will not do.
	 */
	int (*set)(void *state, const char *value);
};

/** All that the program has to know of a handler. Constant; it must stay, and so must its texts. */
struct ssv_handler_descriptor {
	unsigned int abi; /**< SSV_ABI; always the first member */
	const char *name; /**< lower case */
	const char *help; /**< one line */
	const char
		*transports; /**< of "tcp unix udp unixgram" those it works on, its default first */
	const char *modes; /**< of "sync threading forking" those it works in, its default first */
	const struct ssv_handler_ops *ops; /**< the class, see handler.h */
	/** On datagram servers, where that is another matter; NULL: the same as above. */
	const char *datagram_modes;
	const struct ssv_handler_ops *datagram_ops;

	/** Why it has no other transports or modes, for who asks for one; or NULL. */
	const char *because;
	/** Why a server of it cannot be handed over to a new process; NULL: it can. */
	const char *no_handover;

	/* What all its requests share, on all servers: each one's `user` points at it. May all be
	 * absent. */
	size_t state_size;                        /**< of the state; it starts zeroed */
	const struct ssv_handler_option *options; /**< of its own; ended by a NULL name */
	/**
	 * After the options, before the servers are opened: `servers` have their addresses, to be
	 * looked at, and may be watched by. An error (a negative errno) ends the start; where
	 * it is the command line that will not do, `error` is pointed at a constant text that says
	 * so.
	 */
	int (*open)(
		void *state, struct ssv_server *const *servers, size_t count, const char **error);
	/** After the servers were closed; also when they could not be opened, but not when open()
	 * failed. */
	void (*close)(void *state);
};

/** What a plug-in defines; the library does not. */
SSV_API extern const struct ssv_handler_descriptor ssv_handler_plugin;

SSV_END_DECLS

#endif
