/** socketserver serve HANDLER [ADDRESS...] [options] */
#ifndef PROGRAM_SERVE_H
#define PROGRAM_SERVE_H

#include "options.h"

/** The table of its options. */
extern const struct option_spec *const serve_options;

/** Returns the exit status. `arguments` begin with the command's own name. */
int serve_main(int count, char **arguments);

#endif
