#include "datagram_server.h"
#include "inet_socket.h"
#include "server_socket.h"

#include <errno.h>
#include <socketserver/container_of.h>
#include <socketserver/datagram_handler.h>
#include <socketserver/udp_server.h>

static struct ssv_udp_server *udp_of(struct ssv_layer *layer)
{
	return ssv_container_of(layer, struct ssv_udp_server, layer);
}

/* It costs an eighth of the speed, so only where it is needed: else there is only one address. */
static int ask_for_address(struct ssv_udp_server *udp)
{
	const struct ssv_server *server = &udp->base;
	const bool is_v6 = server->server_address.socket.any.sa_family == AF_INET6;

	udp->every_address = ssv_inet_is_every_address(&server->server_address);
	if (!udp->every_address)
		return 0;
	return setsockopt(server->fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &(int){1}, sizeof(int)) < 0
		       ? -errno
		       : 0;
}

static int udp_server_bind(struct ssv_layer *layer)
{
	struct ssv_udp_server *udp = udp_of(layer);
	const struct ssv_inet_options options = {
		.reuse_address = udp->allow_reuse_address,
		.reuse_port = udp->allow_reuse_port,
		.family = udp->address_family,
	};
	int rc = ssv_inet_socket_bind(&udp->base, SSV_UDP, &options);

	return rc < 0 ? rc : ask_for_address(udp);
}

static int udp_server_get_request(struct ssv_layer *layer, struct ssv_request *request)
{
	const struct ssv_udp_server *udp = udp_of(layer);

	return ssv_datagram_server_get_request(
		layer->server, request, udp->max_packet_size, udp->every_address);
}

static const struct ssv_layer_ops udp_server_ops = {
	.bind = udp_server_bind,
	.get_request = udp_server_get_request,
	.concurrent_get_request = true,
};

void ssv_udp_server_init(struct ssv_udp_server *server, const struct ssv_address *at,
	const struct ssv_handler_ops *handler)
{
	ssv_server_init(&server->base, at, handler);
	ssv_server_link(&server->base, &server->layer, &udp_server_ops);
	server->base.base_handler = &ssv_datagram_handler;
	server->max_packet_size = SSV_MAX_PACKET_SIZE;
	server->allow_reuse_address = server->allow_reuse_port = false;
	server->address_family = AF_UNSPEC;
	server->every_address = false;
}

int ssv_udp_server_adopt(struct ssv_udp_server *server, int fd)
{
	return ssv_server_socket_adopt(&server->base, SSV_UDP, fd);
}
