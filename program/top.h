/** socketserver top ADDRESS: what a server's --stats says, again and again. */
#ifndef PROGRAM_TOP_H
#define PROGRAM_TOP_H

#include "options.h"

/** The table of its options. */
extern const struct option_spec *const top_options;

int top_main(int count, char **arguments);

#endif
