/** socketserver talk ADDRESS [options] */
#ifndef PROGRAM_TALK_H
#define PROGRAM_TALK_H

/** Returns the exit status. `arguments` begin with the command's own name. */
int talk_main(int count, char **arguments);

#endif
