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

#define REGISTRY_MODES_SIZE 128

/** In which modes a handler works, as text: over datagrams, too, where those are others. Returns
 * `text`. */
char *registry_modes(const struct ssv_handler_descriptor *handler, char text[REGISTRY_MODES_SIZE]);

#endif
