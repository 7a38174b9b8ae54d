/*
 * The stop and close protocol of running.c and loop.c, for Spin: tests/test_models.sh proves what
 * "holds", and sees each fault of "fails" found.
 *
 * Threads that serve (one at a time, again and again until the server is closed), threads that shut
 * it down, one that only asks for the stop, threads that close it. A signal handler is the one that
 * only asks: it takes no lock and waits for nobody, so that where it interrupts a thread is but one
 * of the orders in which the two could have run side by side.
 *
 * A step of the model is an atomic, a system call, or what happens under server->lock between two of
 * those. Promised:
 * - every stop ends the run that it meets, every shutdown and every close returns (no end but the
 *   end of all, and no cycle under weak fairness);
 * - a stop before the first run is remembered; a run that begins after the stop is not waited for;
 * - nobody serves while the loop is closed, or gets in after a close; a patient close returns 0;
 * - nobody writes to an eventfd that is closed, or whose number is somebody else's by now.
 *
 * holds: -DSERVING_THREADS=2 -DSHUTDOWNS=1 -DSTOPS=1 -DCLOSES=1
 * holds: -DSERVING_THREADS=1 -DSHUTDOWNS=1 -DSTOPS=1 -DCLOSES=1 -DANY_TIME
 * holds: -DSERVING_THREADS=1 -DSHUTDOWNS=2 -DSTOPS=1 -DCLOSES=1
 * holds: -DSERVING_THREADS=1 -DSHUTDOWNS=0 -DSTOPS=1 -DCLOSES=1 -DREOPEN
 * holds: -DSERVING_THREADS=1 -DSHUTDOWNS=1 -DSTOPS=0 -DCLOSES=2
 * ends: -DSERVING_THREADS=1 -DSHUTDOWNS=1 -DSTOPS=1 -DCLOSES=1
 * fails: -DMUTANT=1  a stop wakes nobody
 * fails: -DMUTANT=2  it wakes first, and changes the state then
 * fails: -DMUTANT=3  one that came while the run was starting is overlooked
 * fails: -DMUTANT=4  a wait for nobody to be inside, also of a later run
 * fails: -DMUTANT=5  who leaves tells nobody
 * fails: -DMUTANT=6  the eventfd is closed while somebody is writing
 * fails: -DMUTANT=7  who wakes looks at the number before it counts itself
 * fails: -DMUTANT=8  a close lets others in until the run is over
 * fails: -DMUTANT=9  a stop that nobody met before the end of handle_request() is forgotten
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef SERVING_THREADS
#define SERVING_THREADS 1
#define SHUTDOWNS 1
#define STOPS 1
#define CLOSES 1
#endif

#define THREADS (SERVING_THREADS + SHUTDOWNS + STOPS + CLOSES + 1)

mtype = { FRESH, FRESH_STOPPED, SERVING, STOPPING, ENDED };
mtype = { ENTERED, E_BUSY, E_BADF, E_CANCELED };

mtype state = FRESH;

/* Under server->lock. */
bool locked;
bool opened = true; /* server->active */
bool barred;
bool inside;
byte runs;

/* pthread_cond_t changed: who is asleep on it. */
bool asleep[THREADS + 1];

/* The eventfd. Its number as the server knows it; what the kernel has (the number of times that it
 * was opened stands for it, so that one that is used again is not taken for the old one). */
byte wake_fd = 1, kernel_fd = 1;
byte wakers;
bool count;

/* What is not in the program: for the promises. */
byte unlucky = 1; /* runs that still may end by themselves: SSV_EXIT, an error, handle_request() */
byte threads_serving = SERVING_THREADS;
byte closes_under_way = CLOSES;
byte shutdowns_under_way = SHUTDOWNS;
bool pending; /* a stop was taken note of, and has ended no run yet */

inline lock()
{
	atomic { !locked -> locked = true }
}

inline unlock()
{
	d_step {
		assert(!inside || state == SERVING || state == STOPPING);
		locked = false
	}
}

inline broadcast()
{
	d_step {
		byte i;
		for (i : 0 .. THREADS) {
			asleep[i] = false
		}
		i = 0
	}
}

/* pthread_cond_wait() */
inline wait()
{
	atomic { asleep[_pid] = true; locked = false }
	atomic { !asleep[_pid] && !locked -> locked = true }
}

/* running.c: change() */
inline change(from, to)
{
	d_step {
		changed = state == from;
		if
		:: changed ->
			assert(!(pending && to == SERVING));
			pending = to == STOPPING || to == FRESH_STOPPED;
			state = to
		:: else
		fi
	}
}

/* loop.c: ssv_loop_wake() */
inline loop_wake()
{
#if MUTANT == 7
	fd = wake_fd;
	wakers++;
#else
	wakers++;
	fd = wake_fd;
#endif
	if
	:: fd != 0 ->
		d_step {
			assert(fd == kernel_fd); /* eventfd_write() to what is ours */
			count = true;
			fd = 0
		}
	:: else
	fi;
	wakers--
}

/* running.c: ssv_server_request_stop() */
inline request_stop()
{
#if MUTANT == 2
	loop_wake();
#endif
	change(FRESH, FRESH_STOPPED);
	if
	:: !changed -> change(SERVING, STOPPING)
	:: else
	fi;
	if
#if MUTANT != 1 && MUTANT != 2
	:: changed -> loop_wake()
#endif
	:: else
	fi;
	changed = false
}

/* running.c: ssv_running_stop(). `patient`: until is SSV_NEVER. */
inline running_stop(patient)
{
	lock();
	met = runs;
	request_stop();
	do
#if MUTANT == 4
	:: inside -> wait()
	:: !inside -> break
#else
	:: inside && runs == met -> wait()
	:: !inside || runs != met -> break
#endif
	:: !patient -> break /* the time is over */
	od;
	met = 0;
	unlock()
}

/* running.c: start(), under the lock */
inline start()
{
	do
	:: inside -> rc = E_BUSY; break
	:: !inside && (!opened || barred) -> rc = E_BADF; break
	:: !inside && opened && !barred ->
		change(FRESH_STOPPED, ENDED);
		if
		:: !changed -> change(STOPPING, ENDED)
		:: else
		fi;
		if
		:: changed -> rc = E_CANCELED; break
		:: else
		fi;
		change(FRESH, SERVING);
		if
		:: !changed -> change(ENDED, SERVING)
		:: else
		fi;
		if
		:: !changed -> changed = state == SERVING
		:: else
		fi;
		if
#if MUTANT == 3
		:: true ->
#else
		:: changed ->
#endif
			atomic { inside = true; runs++ };
			rc = ENTERED;
			break
		:: else /* a stop came between */
		fi
	od;
	changed = false
}

/* running.c: ssv_running_enter() */
inline enter()
{
	lock();
	start();
	unlock()
}

/* running.c: ssv_running_leave() */
inline leave(ended)
{
	lock();
	inside = false;
	if
	:: ended -> d_step { state = ENDED; pending = false }
	:: else
#if MUTANT == 9
		-> state = ENDED
#endif
	fi;
#if MUTANT != 5
	broadcast();
#endif
	unlock()
}

/* server.c: base_serve_forever(), and ssv_server_handle_request(), which does not end the run */
proctype serve()
{
	mtype rc;
	bool changed, ended;

	do
	:: enter();
		if
		:: rc == E_BADF || rc == E_BUSY -> break
		:: rc == E_CANCELED
		:: rc == ENTERED ->
			/* serving.c: ssv_serving_loop() */
			do
			:: state == STOPPING -> ended = true; break
			:: state != STOPPING ->
				assert(kernel_fd != 0);
				if
				:: count -> /* loop.c: ssv_loop_wait(), epoll_wait() returns */
					assert(kernel_fd != 0);
					count = false /* loop_woken() */
				:: atomic { unlucky > 0 -> unlucky-- }; ended = true; break
				:: atomic { unlucky > 0 -> unlucky-- }; ended = false; break
				fi
			od;
			leave(ended);
			ended = false
		fi
	od;
	threads_serving--
}

/* A thread, or a signal handler. */
proctype stop()
{
	byte fd;
	bool changed;

	request_stop()
}

/* running.c: ssv_server_shutdown() */
proctype shut_down()
{
	byte fd, met;
	bool changed;

	running_stop(true);
	shutdowns_under_way--
}

/* running.c: ssv_running_bar() */
inline bar()
{
	lock();
	barred = true;
	unlock()
}

/* loop.c: ssv_loop_close() */
inline loop_close()
{
	atomic { fd = wake_fd; wake_fd = 0 };
	if
	:: fd == 0
	:: else ->
		do
#if MUTANT == 6
		:: true -> break
#else
		:: wakers > 0 /* sched_yield() */
		:: wakers == 0 -> break
#endif
		od;
		atomic {
			assert(!inside);
			kernel_fd = 0;
			count = false
		}
	fi;
	fd = 0
}

/* server_group.c: ssv_close_all(), until nobody is left */
inline close_server()
{
	if
	:: patient = true
	:: patient = false
	fi;
	do
	:: true ->
#if MUTANT != 8
		bar(); /* stop_all() */
#endif
		request_stop();
		running_stop(patient); /* all_left(), in the time of grace */
		lock(); /* ssv_running_retire() */
		over = !inside;
		if
		:: over -> opened = false
		:: else
		fi;
		unlock();
		assert(over || !patient);
		if
		:: over -> break
		:: else -> patient = true /* it returned 1; and is called again */
		fi
	od;
	/* server.c: ssv_server_close_chain() */
	loop_close();
	atomic { state = FRESH; pending = false; barred = false } /* running.c: ssv_running_reset() */
}

proctype close()
{
	byte fd, met;
	bool changed, patient, over;

#ifndef ANY_TIME
	shutdowns_under_way == 0; /* they return without help */
#endif
	close_server();
	closes_under_way--;
#ifdef REOPEN
	/* Once nobody is entering, nor closing: see server.h. */
	threads_serving == 0 && closes_under_way == 0;
	d_step { kernel_fd = 2; wake_fd = 2; threads_serving = 1; runs = 0 }; /* ssv_loop_open() */
	opened = true;
	run serve();
	close_server();
	threads_serving == 0
#endif
}

init
{
	byte n;

	atomic {
		do
		:: n < SERVING_THREADS -> run serve(); n++
		:: else -> n = 0; break
		od;
		do
		:: n < SHUTDOWNS -> run shut_down(); n++
		:: else -> n = 0; break
		od;
		do
		:: n < STOPS -> run stop(); n++
		:: else -> n = 0; break
		od;
		do
		:: n < CLOSES -> run close(); n++
		:: else -> n = 0; break
		od
	}
}
