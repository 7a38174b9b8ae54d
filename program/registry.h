/** The handlers that can be served: the built-in ones, and plug-ins. */
#ifndef PROGRAM_REGISTRY_H
#define PROGRAM_REGISTRY_H

#include <socketserver/handler_descriptor.h>

/** The built-in ones, ended by NULL. */
extern const struct ssv_handler_descriptor *const registry_built_in[];

/**
 * Finds a built-in handler by its name, or loads a plug-in, for good, from a path (it has a slash).
 * Returns 0, or the exit status after saying what is wrong.
 */
int registry_find(const char *name, const struct ssv_handler_descriptor **handler);

#endif
