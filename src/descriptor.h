/** What holds for every descriptor that the library makes. */
#ifndef SSV_DESCRIPTOR_H
#define SSV_DESCRIPTOR_H

/**
 * Moves a new descriptor out of the way of standard input, output and error, which a host may have
 * started without: else what is printed would go to a peer. Returns it; a negative number as it is;
 * or -errno, with the descriptor closed.
 */
int ssv_descriptor_above_stdio(int fd);

#endif
