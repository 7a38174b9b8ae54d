/** The chat room without connections; its server's `user` is a struct room. */
#ifndef HANDLERS_CHAT_DATAGRAM_H
#define HANDLERS_CHAT_DATAGRAM_H

#include <socketserver/handler.h>

extern const struct ssv_handler_ops chat_datagram_handler;

#endif
