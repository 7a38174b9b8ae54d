#include "datagram_server.h"

#include "request.h"
#include "stream_buffer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

static_assert(sizeof(((struct ssv_request *)0)->control) >= CMSG_SPACE(sizeof(struct in6_pktinfo)),
	"a request has room for the packet information");

static void forget_interface(struct cmsghdr *info, size_t offset, size_t size)
{
	memset(CMSG_DATA(info) + offset, 0, size);
}

/*
 * The packet information that came is what the reply leaves with; but not the interface, for which
 * way it goes is for the routes to say. How long it is; 0: there is none.
 */
static size_t note_asked(struct msghdr *message)
{
	struct cmsghdr *info = CMSG_FIRSTHDR(message);

	if (info == NULL)
		return 0;
	if (info->cmsg_level == IPPROTO_IP && info->cmsg_type == IP_PKTINFO)
		forget_interface(info, offsetof(struct in_pktinfo, ipi_ifindex), sizeof(int));
	else if (info->cmsg_level == IPPROTO_IPV6 && info->cmsg_type == IPV6_PKTINFO)
		forget_interface(info, offsetof(struct in6_pktinfo, ipi6_ifindex), sizeof(int));
	else
		return 0;
	return CMSG_SPACE(info->cmsg_len - CMSG_LEN(0));
}

static int flags_for(const struct ssv_request *request)
{
	return MSG_TRUNC | (request->may_wait && !request->polled ? 0 : MSG_DONTWAIT);
}

/* The packet's length, however much of it there was room for; or -1 and errno. The peer's address
 * comes into the request's own. */
static ssize_t receive(struct ssv_request *request, size_t size, socklen_t *length)
{
	request->control_length = 0;
	*length = sizeof(request->client_address.socket);
	return recvfrom(request->server->fd, request->socket.in.data, size, flags_for(request),
		&request->client_address.socket.any, length);
}

static ssize_t receive_asked(struct ssv_request *request, size_t size, socklen_t *length)
{
	struct iovec memory = {.iov_base = request->socket.in.data, .iov_len = size};
	struct msghdr message = {
		.msg_name = &request->client_address.socket,
		.msg_namelen = sizeof(request->client_address.socket),
		.msg_iov = &memory,
		.msg_iovlen = 1,
		.msg_control = request->control,
		.msg_controllen = sizeof(request->control),
	};
	ssize_t n = recvmsg(request->server->fd, &message, flags_for(request));

	if (n >= 0) {
		*length = message.msg_namelen;
		request->control_length = note_asked(&message);
	}
	return n;
}

/* Nothing of the packet before is to be kept, or even moved. */
static int make_room(struct ssv_stream_buffer *memory, size_t size)
{
	memory->start = memory->end = 0;
	return ssv_buffer_reserve(memory, size);
}

/* One who waits then gets what looks like an empty packet from nobody. */
static bool is_shut_down(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLRDHUP};

	return poll(&polled, 1, 0) > 0 && (polled.revents & POLLRDHUP);
}

int ssv_datagram_server_get_request(
	struct ssv_server *server, struct ssv_request *request, size_t size, bool asked)
{
	int rc = make_room(&request->socket.in, size);
	socklen_t length;
	ssize_t n;

	if (rc < 0)
		return rc;
	n = asked ? receive_asked(request, size, &length) : receive(request, size, &length);
	if (n < 0)
		return -errno;
	if (n == 0 && length == 0 && is_shut_down(server->fd))
		return -EINVAL;
	ssv_request_open_packet(request, length, size, (size_t)n);
	if ((size_t)n > size)
		ssv_server_report(server, SSV_LOG_WARNING, request,
			"a packet is longer than max_packet_size: the rest is lost", 0);
	return 0;
}

static void read_ipv4(const struct cmsghdr *info, struct ssv_address *asked)
{
	struct in_pktinfo packet;
	struct sockaddr_in at = {.sin_family = AF_INET};

	memcpy(&packet, CMSG_DATA(info), sizeof(packet));
	at.sin_addr = packet.ipi_addr;
	ssv_address_from_socket(asked, SSV_UDP, (struct sockaddr *)&at, sizeof(at));
}

static void read_ipv6(const struct cmsghdr *info, struct ssv_address *asked)
{
	struct in6_pktinfo packet;
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};

	memcpy(&packet, CMSG_DATA(info), sizeof(packet));
	at.sin6_addr = packet.ipi6_addr;
	ssv_address_from_socket(asked, SSV_UDP, (struct sockaddr *)&at, sizeof(at));
}

void ssv_datagram_server_asked(const struct ssv_request *request, struct ssv_address *asked)
{
	struct msghdr message = {
		.msg_control = (void *)request->control,
		.msg_controllen = request->control_length,
	};
	const struct cmsghdr *info = CMSG_FIRSTHDR(&message);

	if (info == NULL)
		*asked = request->server->server_address;
	else if (info->cmsg_level == IPPROTO_IP)
		read_ipv4(info, asked);
	else
		read_ipv6(info, asked);
}
