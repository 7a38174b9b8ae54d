#include "room.h"
#include "monotonic.h"
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define PACKET_OVERHEAD 768 /* what the kernel takes besides, or so */

void room_open(struct room *room)
{
	*room = (struct room){.now = monotonic_ms};
	pthread_mutex_init(&room->lock, NULL);
}

static void remove_member(struct room *room, struct room_member **link)
{
	struct room_member *member = *link;

	*link = member->next;
	room->count--;
	free(member);
}

void room_close(struct room *room)
{
	while (room->first != NULL)
		remove_member(room, &room->first);
	pthread_mutex_destroy(&room->lock);
}

/* --- who is there; all of it under the lock --- */

static bool is_same(const struct room_member *one, const struct room_member *other)
{
	const struct ssv_address *a = &one->address, *b = &other->address;

	if (one->stream != NULL || other->stream != NULL)
		return one->stream == other->stream;
	return one->fd == other->fd && a->length == b->length &&
	       memcmp(&a->socket, &b->socket, a->length) == 0;
}

/* Where it hangs, or the end of the list. */
static struct room_member **find(struct room *room, const struct room_member *member)
{
	struct room_member **link = &room->first;

	while (*link != NULL && !is_same(*link, member))
		link = &(*link)->next;
	return link;
}

static void remove_gone(struct room *room)
{
	const int64_t now = room->now();
	struct room_member **link = &room->first;

	while (*link != NULL) {
		if ((*link)->until < now)
			remove_member(room, link);
		else
			link = &(*link)->next;
	}
}

/* Where it hangs then; or NULL, without memory. */
static struct room_member **add(struct room *room, const struct room_member *member)
{
	struct room_member *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *member;
	copy->next = room->first;
	room->first = copy;
	room->count++;
	return &room->first;
}

static int join(struct room *room, const struct room_member *member, int stay)
{
	struct room_member **link = find(room, member);

	if (*link == NULL && room->count == ROOM_SIZE)
		return -EUSERS;
	if (*link == NULL)
		link = add(room, member);
	if (link == NULL)
		return -ENOMEM;
	(*link)->sent = 0;
	(*link)->until = stay == SSV_FOREVER ? INT64_MAX : room->now() + stay;
	return 0;
}

int room_join(struct room *room, const struct room_member *member, int stay)
{
	int rc;

	pthread_mutex_lock(&room->lock);
	remove_gone(room);
	rc = join(room, member, stay);
	pthread_mutex_unlock(&room->lock);
	return rc;
}

void room_leave(struct room *room, const struct room_member *member)
{
	struct room_member **link;

	pthread_mutex_lock(&room->lock);
	link = find(room, member);
	if (*link != NULL)
		remove_member(room, link);
	pthread_mutex_unlock(&room->lock);
}

/* --- what is said --- */

/* The thread that reads from it sees its end, leaves the room and closes it. */
static bool send_to_stream(struct ssv_stream *stream, const char *message, size_t size)
{
	if (ssv_stream_try_write(stream, message, size) == (ssize_t)size)
		return true;
	shutdown(ssv_stream_fileno(stream), SHUT_RDWR);
	return false;
}

/* What of the socket's send buffer is full of what members have not read. */
struct buffer {
	int taken, left;
};

static struct buffer buffer_of(int fd)
{
	struct buffer buffer = {0};
	socklen_t length = sizeof(buffer.left);

	ioctl(fd, SIOCOUTQ, &buffer.taken);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer.left, &length);
	buffer.left -= buffer.taken;
	return buffer;
}

static bool is_unix(const struct room_member *member)
{
	return member->address.socket.any.sa_family == AF_UNIX;
}

/* While a quarter of the buffer is taken, somebody does not read; who, the kernel does not tell. */
static bool has_its_share(const struct room *room, const struct room_member *member)
{
	const struct buffer buffer = buffer_of(member->fd);

	return buffer.taken > buffer.left / 3 && buffer.left > 0 &&
	       member->sent > (size_t)buffer.left / (2 * room->count);
}

/* A queue that is full loses the message, as the network may. 0, or an error. */
static int send_to_address(struct room_member *member, const char *message, size_t size)
{
	ssize_t n = sendto(member->fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL,
		&member->address.socket.any, member->address.length);

	if (n >= 0) {
		member->sent += size + PACKET_OVERHEAD;
		return 0;
	}
	if (errno != EAGAIN && errno != ENOBUFS)
		return -errno;
	return is_unix(member) && buffer_of(member->fd).left <= 0 ? -ENOBUFS : 0;
}

/* 0, or why it was not sent: by -ENOBUFS it remains a member. */
static int send_to(
	const struct room *room, struct room_member *member, const char *message, size_t size)
{
	if (member->stream != NULL)
		return send_to_stream(member->stream, message, size) ? 0 : -EPIPE;
	if (is_unix(member) && has_its_share(room, member))
		return 0;
	return send_to_address(member, message, size - strlen("\n"));
}

static int send_to_all(struct room *room, const char *message, size_t size)
{
	struct room_member **link = &room->first;
	int rc, result = 0;

	while (*link != NULL) {
		rc = send_to(room, *link, message, size);
		if (rc == 0 || rc == -ENOBUFS)
			link = &(*link)->next;
		else
			remove_member(room, link);
		if (rc == -ENOBUFS)
			result = rc;
	}
	return result;
}

int room_say(struct room *room, const char *name, const char *text, size_t length)
{
	char message[SSV_ADDRESS_TEXT_SIZE + ROOM_TEXT_SIZE + 2], *end;
	int rc;

	end = stpcpy(stpcpy(message, name), "\n");
	end = mempcpy(end, text, length);
	*end++ = '\n';
	pthread_mutex_lock(&room->lock);
	remove_gone(room);
	rc = send_to_all(room, message, (size_t)(end - message));
	pthread_mutex_unlock(&room->lock);
	return rc;
}
