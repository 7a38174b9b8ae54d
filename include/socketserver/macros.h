/** Export, C++ and format-checking macros that every public header uses. */
#ifndef SOCKETSERVER_MACROS_H
#define SOCKETSERVER_MACROS_H

/** Marks what the library exports; all else it keeps to itself. */
#define SSV_API __attribute__((visibility("default")))
/** Has the compiler check the arguments of a format as printf(3)'s. */
#define SSV_PRINTF(at, first) __attribute__((format(printf, at, first)))

/** Around declarations: in C++, too, they are C's. */
#ifdef __cplusplus
#define SSV_BEGIN_DECLS extern "C" {
#define SSV_END_DECLS }
#else
#define SSV_BEGIN_DECLS
#define SSV_END_DECLS
#endif

/** A time limit in milliseconds that never runs out. */
#define SSV_FOREVER (-1)

#endif
