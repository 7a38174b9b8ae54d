/** The chat room without connections, and what both kinds share; its server's `user` is a struct
 * room. */
#ifndef HANDLERS_CHAT_DATAGRAM_H
#define HANDLERS_CHAT_DATAGRAM_H

#include <socketserver/handler.h>

extern const struct ssv_handler_ops chat_datagram_handler;

/** room_say(); the log is told where members keep others from hearing it. */
void chat_say(const struct ssv_handler *handler, const char *name, const char *text, size_t length);

#endif
