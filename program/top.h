/** socketserver top ADDRESS: what a server's --stats says, again and again. */
#ifndef PROGRAM_TOP_H
#define PROGRAM_TOP_H

int top_main(int count, char **arguments);

#endif
