/**
 * A test kit: runs a handler of yours over a pair of sockets in memory, without a server that
 * listens. The test is the peer: it says what is sent, and what should come back.
 *
 *     struct ssv_test *test = ssv_test_new(&upper_handler, SSV_UNIX);
 *     const char *wrong;
 *
 *     ssv_test_send(test, "one\n");
 *     ssv_test_expect(test, "ONE\n");
 *     wrong = ssv_test_finish(test);
 *     if (wrong != NULL)
 *             puts(wrong);
 *     ssv_test_free(test);
 *
 * It is a small library of its own, for any framework or none: include this header, which
 * socketserver.h does not, and link with what `pkg-config --libs socketserver-testing` says.
 *
 * A test is a list of steps, in the order in which they are to happen. The first step starts the
 * handler, on a thread of its own, through all of the server's methods from verify_request() on.
 * The first step that goes wrong ends the test: the steps behind it do nothing, and
 * ssv_test_finish() returns what went wrong, with the number of the step:
 *
 *     step 2, expect: expected "ONE\n" (4 bytes), got "one\n" (4 bytes): byte 1 differs
 *
 * No step waits for longer than ssv_test_set_patience() says, and so a handler that hangs fails its
 * test. It is then told that its connection is broken; where it does not end even so, its thread is
 * left behind, and with it what the handler uses: end the program soon.
 *
 * One thread calls the steps of a test; there may be any number of tests at a time.
 */
#ifndef SOCKETSERVER_TESTING_H
#define SOCKETSERVER_TESTING_H

#include <socketserver/server.h>

SSV_BEGIN_DECLS

/** One handler, what it runs on, and its peer. */
struct ssv_test;

/**
 * A test of a handler on a stream (SSV_UNIX) or on datagrams (SSV_UNIXGRAM), which is the
 * transport that the handler sees. Returns never NULL: without memory the program is aborted;
 * whatever else is missing is what the first step says.
 */
struct ssv_test *ssv_test_new(const struct ssv_handler_ops *handler, enum ssv_transport transport);

/**
 * Returns the server that the handler sees, of class UnixStreamServer or UnixDatagramServer, to be
 * set up before the first step: `user`, `limits`, layers in front (but no threads, no forks). What
 * handle_error() is told is not logged.
 */
struct ssv_server *ssv_test_server(struct ssv_test *test);

/** Before the first step: who the client is, as text, "tcp://192.0.2.1:4711"; by default a Unix
 * client. On streams alone; the socket stays what it is. */
void ssv_test_set_client(struct ssv_test *test, const char *address);

/** How long a step may wait, in milliseconds of the real clock; default 5,000. */
void ssv_test_set_patience(struct ssv_test *test, int milliseconds);

/* What the peer does. A text ends with its NUL, which is not sent. */

/** Sends it; on datagrams as one. As the first step, before the handler begins. Goes wrong where
 * the handler has hung up, or takes no more. */
void ssv_test_send(struct ssv_test *test, const char *text);
/** The same for bytes that may be NUL. */
void ssv_test_send_bytes(struct ssv_test *test, const void *data, size_t size);

/** A slow peer: one byte at a time, each when the handler has read the one before, has waited in
 * vain, and `pause` ms have passed as in ssv_test_pass(). */
void ssv_test_send_slowly(struct ssv_test *test, const char *text, int pause);

/** A hostile peer: this byte, again and again, until the handler hangs up. Goes wrong where it has
 * taken `limit` bytes and still takes more. */
void ssv_test_send_endlessly(struct ssv_test *test, char byte, size_t limit);

/** Says that nothing more will be sent, and goes on reading. */
void ssv_test_half_close(struct ssv_test *test);

/** A broken connection: both ways at once, what was sent and not read included. The handler's I/O
 * fails with -ECONNRESET. What it wrote, and was not expected, is forgotten. */
void ssv_test_reset(struct ssv_test *test);

/** Takes no more from now on: after a few kilobytes the handler's writes wait. */
void ssv_test_stop_reading(struct ssv_test *test);

/**
 * Lets time pass for the handler, without waiting for it: when it waits for its peer, its time-out
 * and its deadline are `milliseconds` nearer. Nothing where it has ended. Other clocks, and waiting
 * for anything but the stream, are not affected. On streams alone.
 */
void ssv_test_pass(struct ssv_test *test, int milliseconds);

/* What the handler should do. */

/** This comes next; on datagrams: as one. */
void ssv_test_expect(struct ssv_test *test, const char *text);
/** The same for bytes that may be NUL. */
void ssv_test_expect_bytes(struct ssv_test *test, const void *data, size_t size);

/** For what cannot be known before. Returns the next line, its newline included, or the next
 * datagram; "" after a step that went wrong. With a NUL behind it; valid until the next step. */
const char *ssv_test_read(struct ssv_test *test);

/** It has read all that was sent, waits for more or has ended, and has written nothing that was not
 * expected. */
void ssv_test_expect_nothing(struct ssv_test *test);

/** It hangs up, with nothing more written. On streams alone. */
void ssv_test_expect_end(struct ssv_test *test);

/** What the server was told when the handler ended: 0, a negative errno, or SSV_EXIT; on datagrams:
 * for the last packet. */
void ssv_test_expect_result(struct ssv_test *test, int result);

/** Which of its methods have run, in order, until it ended: "setup handle finish". Those that it
 * does not have do not run. On datagrams: for the last packet. */
void ssv_test_expect_methods(struct ssv_test *test, const char *methods);

/**
 * Hangs up, unless that was done, and waits until the handler has ended. Returns NULL where all
 * went as it should, or what went wrong, also where something was written that was not expected
 * (unless the peer has broken off, or stopped reading). The text is valid until
 * ssv_test_free(). No step may follow.
 */
const char *ssv_test_finish(struct ssv_test *test);

/** Ends it, if need be, and frees it. NULL is nothing. */
void ssv_test_free(struct ssv_test *test);

SSV_END_DECLS

#endif
