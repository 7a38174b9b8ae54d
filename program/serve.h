/** socketserver serve HANDLER [ADDRESS...] [options] */
#ifndef PROGRAM_SERVE_H
#define PROGRAM_SERVE_H

/** Returns the exit status. `arguments` begin with the command's own name. */
int serve_main(int count, char **arguments);

#endif
