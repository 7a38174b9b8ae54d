/**
 * The whole library: servers for C, as Python's socketserver has them.
 *
 * A program writes what is done with one request, a handler, and chooses a class of servers, which
 * says how requests arrive, and mix-ins, which say how they are dispatched and who is let in:
 *
 *     ssv_tcp_server_init(&tcp, &at, &handler);    the class, the address, the handler
 *     tcp.base.grace = 2000;                       options, which are fields of the structs
 *     ssv_server_open(&tcp.base);                  bind and listen: this can fail
 *     ssv_server_serve_forever(&tcp.base);         until ssv_server_request_stop()
 *     ssv_server_close(&tcp.base);                 wait for handlers, give everything back
 *
 * To dispatch requests to threads or child processes, change one type name and its init:
 * `ssv_threading_tcp_server`, `ssv_forking_tcp_server`, and so on for udp, unix_stream and
 * unix_datagram.
 *
 * What holds for all functions, where they do not say otherwise:
 *
 *   - Those that can fail return 0 or a count, else a negative errno; errno itself has no meaning.
 *   - What takes a struct uses the caller's memory, which must stay, and stay where it is, from
 *     init to close; a close or free is harmless twice.
 *   - A server's functions may be called from any thread, a stream's and a request's by its owner.
 *     In a signal handler only ssv_server_request_stop() is safe, and what says so of itself: what
 *     is in visible.h, ssv_limits_init(), ssv_log_level_name(), ssv_version().
 *   - Times are in milliseconds, sizes in bytes.
 *   - The host's signals, children, umask and stdio are left alone; descriptors are close-on-exec,
 *     and no SIGPIPE is raised.
 */
#ifndef SOCKETSERVER_SOCKETSERVER_H
#define SOCKETSERVER_SOCKETSERVER_H

#include <socketserver/address.h>
#include <socketserver/admission_mixin.h>
#include <socketserver/cidr.h>
#include <socketserver/client.h>
#include <socketserver/container_of.h>
#include <socketserver/datagram_guard.h>
#include <socketserver/datagram_handler.h>
#include <socketserver/forking_mixin.h>
#include <socketserver/forking_servers.h>
#include <socketserver/frame.h>
#include <socketserver/handler.h>
#include <socketserver/handler_descriptor.h>
#include <socketserver/layer.h>
#include <socketserver/limits.h>
#include <socketserver/log.h>
#include <socketserver/macros.h>
#include <socketserver/request.h>
#include <socketserver/server.h>
#include <socketserver/server_group.h>
#include <socketserver/stream.h>
#include <socketserver/stream_handler.h>
#include <socketserver/tcp_server.h>
#include <socketserver/threading_mixin.h>
#include <socketserver/threading_servers.h>
#include <socketserver/udp_server.h>
#include <socketserver/unix_datagram_server.h>
#include <socketserver/unix_socket.h>
#include <socketserver/unix_stream_server.h>
#include <socketserver/version.h>
#include <socketserver/visible.h>
#include <socketserver/watch.h>

#endif
