/** socketserver talk ADDRESS [options] */
#ifndef PROGRAM_TALK_H
#define PROGRAM_TALK_H

#include "options.h"

/** The table of its options. */
extern const struct option_spec *const talk_options;

/** Returns the exit status. `arguments` begin with the command's own name. */
int talk_main(int count, char **arguments);

#endif
