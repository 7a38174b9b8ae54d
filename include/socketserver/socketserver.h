/** The whole library: servers for C, as Python's socketserver has them. */
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
