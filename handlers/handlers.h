/** The request handlers that the program has built in. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include <socketserver/handler_descriptor.h>

extern const struct ssv_handler_descriptor chat_descriptor;
extern const struct ssv_handler_descriptor clock_descriptor;
extern const struct ssv_handler_descriptor console_descriptor;
extern const struct ssv_handler_descriptor echo_descriptor;
extern const struct ssv_handler_descriptor exec_descriptor;
extern const struct ssv_handler_descriptor timestamp_descriptor;
extern const struct ssv_handler_descriptor upper_descriptor;
extern const struct ssv_handler_descriptor welcome_descriptor;

#endif
