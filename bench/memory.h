/** The memory of a process and its children. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

/** In KiB, of all of them together. */
struct memory {
	long resident, proportional, page_tables; /* VmRSS, Pss, VmPTE */
	long processes, threads;
};

/** Returns 0, or a negative errno: -ENOENT where there is no such process. */
int memory_of(int pid, struct memory *memory);

#endif
