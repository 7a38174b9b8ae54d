/*
 * The threads of a threading mix-in, worker.c and threading_mixin.c, and the rests of the listener,
 * serving.c, for Spin: tests/test_models.sh proves what "holds", and sees each fault of "fails" found.
 *
 * Clients that connect; threads that wait for them in accept4 or in poll, or hold what came after a
 * stop; and the thread that serves: run after run of serve_forever() or of handle_request(), whichever,
 * each stopped at any moment (running.pml is about the stop itself), and then the close, with or
 * without patience. The last run is not stopped before all clients are served, or else at any moment.
 *
 * A step of the model is a system call, an atomic, or what happens under threading->lock between two
 * of those. A thread may be idle for too long at any time, the grace over, a handler slow, or the end of
 * its thread; the first client's handler may wait until all others have been served. Promised:
 * - all clients are served, each once, whatever the stops in between (else the last run never ends);
 * - but for what a policy of refusing allows, none is turned away, and none is dropped but by a close
 *   that has cut the connections already;
 * - no request is put where another is; what is held is taken before what is queued;
 * - every thread is joined, once, none is left after close, and close returns (no end but the end of
 *   all, and no cycle under weak fairness).
 *
 * holds: -DTHREADS=1
 * holds: -DTHREADS=2 -DIDLE_TIMES=0
 * holds: -DTHREADS=2 -DNO_THREADS=0
 * holds: -DTHREADS=2 -DNO_THREADS=0 -DIDLE_TIMES=0 -DPOLL
 * holds: -DTHREADS=1 -DREFUSE
 * holds: -DTHREADS=2 -DREFUSE -DNO_THREADS=0
 * holds: -DTHREADS=1 -DEXITS=1
 * holds: -DTHREADS=2 -DEXITS=1 -DIDLE_TIMES=0 -DNO_THREADS=0
 * ends: -DTHREADS=1
 * ends: -DTHREADS=1 -DREFUSE
 * ends: -DTHREADS=2 -DIDLE_TIMES=0 -DRUNS=1 -DQUIET
 * fails: -DMUTANT=1  the last one waiting takes a request, and sees to nobody in its place
 * fails: -DMUTANT=2  what is held is handed over, and no thread is there for it
 * fails: -DMUTANT=3  a thread counts until it has joined the one before it
 * fails: -DMUTANT=4  the listener rests, and nobody asks once more
 * fails: -DMUTANT=5  a new run does not wake those who hold a request
 * fails: -DMUTANT=6  close does not wake those who wait in accept4
 * fails: -DMUTANT=7  a thread does not join the one that ended before it
 * fails: -DMUTANT=8  the serving thread accepts beside the threads that wait still
 * fails: -DMUTANT=9  who holds a request does not wake the loop
 * fails: -DMUTANT=10 -DTHREADS=1  requests are accepted before anybody is there for them
 * fails: -DMUTANT=11 -DTHREADS=1 -DREFUSE  what is held is turned away in place of the surplus
 * fails: -DMUTANT=13 -DTHREADS=1 -DREFUSE  one is turned away though a thread is on its way
 * fails: -DMUTANT=14 -DTHREADS=1 -DEXITS=1  a handler ends its thread, and no other takes its place
 * fails: -DMUTANT=15  who has come counts as coming still
 * fails: -DMUTANT=16  who was to wait gets a request, and sees to nobody in its place
 * spins: -DMUTANT=12 -DIDLE_TIMES=0 -DRUNS=1 -DQUIET  a rest that is over is over again and again
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef THREADS
#define THREADS 2 /* max_threads */
#endif
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef RUNS
#define RUNS 2
#endif
#ifndef MAY_WAIT
#define MAY_WAIT 2
#endif
#ifndef NO_THREADS
#define NO_THREADS 1
#endif
#ifndef IDLE_TIMES
#define IDLE_TIMES 1
#endif
#ifndef EXITS
#define EXITS 0
#endif
#ifdef REFUSE
#define POLL
#endif

#define SLOTS (THREADS + 1 + EXITS) /* and those that have ended but are not joined */

mtype = { NOWHERE, IDLE, HOLDING };                    /* worker->listed, and on which list */
mtype = { AWAY, QUEUED, TAKEN, SERVED, REFUSED, DROPPED }; /* a client */
mtype = { GOT, E_AGAIN, E_BUSY, E_NOMEM };

#define is_idle() (listed[0] == IDLE || listed[1] == IDLE || listed[SLOTS - 2] == IDLE || listed[SLOTS - 1] == IDLE)
#define has_one(worker) (request[worker] != 0 || taken[worker])
#define is_held() (listed[0] == HOLDING || listed[1] == HOLDING || listed[SLOTS - 2] == HOLDING || \
	listed[SLOTS - 1] == HOLDING)

/* The kernel's. */
chan backlog = [CLIENTS] of { byte };
bool shut;    /* shutdown(2) of the listener */
bool stop_fd; /* eventfd of those who poll */
bool count;   /* eventfd of the loop */

/* Under threading->lock. */
bool leading, opened, closing, reserved;
byte handed, threads, ending, waiting, busy, coming;
bool starts_rest;
bool has_ended;
byte ended;

/* Each worker's. */
mtype listed[SLOTS] = NOWHERE;
bool asleep[SLOTS];  /* on worker->wake */
bool comes[SLOTS];   /* worker->coming */
byte request[SLOTS]; /* the client's number; 0: none */
bool taken[SLOTS];

/* What pthread_create() began, and pthread_join() ended. */
bool begun[SLOTS], over[SLOTS];

/* struct ssv_server: an atomic; and the serving thread's. */
bool resting, watched, ready, timer;

/* running.c, in short: a stop is asked for while somebody is inside. */
bool inside, stopping;
byte runs;

/* What is not in the program. */
mtype client[CLIENTS + 1] = AWAY;
byte done;            /* clients that were served, or refused */
bool waits;           /* the first one's handler, for all others */
bool cut;             /* the connections of all open requests are shut down */
byte no_threads = NO_THREADS;  /* times that a thread cannot be started */
byte idle_times = IDLE_TIMES;  /* times that one is idle for too long */
byte exits = EXITS;            /* times that a handler ends its thread */

/* --- loop.c, serving.c --- */

/* ssv_loop_wake(), which running.pml is about */
inline loop_wake()
{
	count = true
}

/* ssv_serving_given_back() */
inline given_back()
{
	if
	:: resting -> loop_wake()
	:: else
	fi
}

/* --- worker.c, under the lock --- */

/* ssv_worker_pop(): the last that came; here, any. `popped` is SLOTS where there is none. */
inline pop(list)
{
	d_step {
		popped = 0;
		do
		:: popped < SLOTS && listed[popped] != list -> popped++
		:: else -> break
		od;
		if
		:: popped < SLOTS -> listed[popped] = NOWHERE; asleep[popped] = false
		:: else
		fi
	}
}

/* ssv_workers_wake() */
inline workers_wake()
{
	d_step {
		popped = 0;
		do
		:: popped < SLOTS ->
			asleep[popped] = asleep[popped] && listed[popped] == NOWHERE;
			popped++
		:: else -> break
		od
	}
}

/* ssv_worker_start(): `with` is the request, or 0. `popped` is SLOTS where that failed. */
inline start(with)
{
	d_step {
		popped = 0;
		do
		:: popped < SLOTS && begun[popped] -> popped++
		:: else -> break
		od;
		assert(popped < SLOTS)
	}
	if
	:: true ->
		d_step {
			request[popped] = with;
			taken[popped] = with != 0;
			threads++;
			comes[popped] = with == 0;
			coming = coming + comes[popped];
			begun[popped] = true
		}
	:: no_threads > 0 -> atomic { no_threads--; popped = SLOTS }
	fi
}

/* ssv_worker_start_or_rest() */
inline start_or_rest()
{
	start(0);
	starts_rest = popped == SLOTS
}

#define is_missed() (leading && waiting + coming == 0)

/* ssv_worker_add_waiter() */
inline add_waiter()
{
	if
	:: is_missed() ->
		pop(IDLE);
		if
		:: popped < SLOTS -> comes[popped] = true; coming++
		:: popped == SLOTS && threads >= THREADS ->
#ifdef REFUSE
			loop_wake()
#else
			skip
#endif
		:: popped == SLOTS && threads < THREADS ->
			start_or_rest();
			if
			:: popped == SLOTS -> loop_wake()
			:: else
			fi
		fi
	:: else
	fi;
	popped = 0
}

/* --- the life of a thread --- */

/* wait_for_request() */
inline wait_for_request()
{
#ifdef POLL
	atomic {
		nempty(backlog) || stop_fd -> /* poll() */
		readable = nempty(backlog)
	}
	if
	:: !readable
	:: else ->
		atomic { /* accept4() of what does not block */
			readable = false;
			if
			:: backlog?request[me] -> client[request[me]] = TAKEN
			:: empty(backlog)
			fi
		}
	fi
#else
	atomic { /* accept4() */
		if
		:: backlog?request[me] -> client[request[me]] = TAKEN
		:: shut /* EINVAL */
		fi
	}
#endif
}

/* arrive() */
inline arrive()
{
#if MUTANT != 15
	coming = coming - comes[me];
#endif
	comes[me] = false
}

/* finish(), without the lock */
inline finish()
{
	request[me] != 1 || !waits || done == CLIENTS - 1 || cut; /* the handler */
	d_step {
		assert(client[request[me]] == TAKEN);
		client[request[me]] = SERVED;
		done++;
		request[me] = 0
	}
	given_back() /* ssv_request_close() */
}

/* take_handed() */
inline take_handed()
{
	assert(request[me] == 0);
	request[me] = handed;
	handed = 0;
	taken[me] = true;
	reserved = false;
	given_back();
#if MUTANT != 16
	add_waiter()
#endif
}

/* end(), as far as the first unlock */
inline leave()
{
	had_ended = has_ended;
	other = ended;
	has_ended = true;
	ended = me;
#if MUTANT != 3
	threads--;
	ending++;
#endif
	skip
}

inline not_mine()
{
	if
	:: !mine && request[me] != 0 -> busy--
	:: else
	fi
}

/* work(). Each label is a place without the lock; between two of them it is held. */
proctype worker(byte me)
{
	bool readable, mine, had_ended;
	byte popped, other;

end_begin:
	atomic { begun[me] && !over[me] -> arrive() }
next:
	atomic {
		if
		:: taken[me] || handed != 0 ->
			if
			:: !taken[me] -> take_handed(); busy++
			:: taken[me] && !mine -> busy++ /* it was handed over */
			:: taken[me] && mine -> mine = false
			fi;
			goto process
		:: !taken[me] && handed == 0 && closing -> leave(); goto left
		:: !taken[me] && handed == 0 && !closing && leading && waiting < MAY_WAIT ->
			waiting++; /* lead() */
			goto wait
		:: !taken[me] && handed == 0 && !closing && (!leading || waiting >= 1) ->
			listed[me] = IDLE; /* idle(); or there is a crowd */
			reserved = false;
			given_back();
			asleep[me] = true
		fi
	}
	do
	:: atomic { !asleep[me] && listed[me] == IDLE && !closing -> asleep[me] = true }
	:: atomic { !asleep[me] && listed[me] == IDLE && closing -> listed[me] = NOWHERE; leave(); goto left }
	:: atomic { !asleep[me] && listed[me] != IDLE -> arrive(); goto next }
	:: atomic { /* for too long */
			asleep[me] && idle_times > 0 ->
			idle_times--;
			asleep[me] = false;
			listed[me] = NOWHERE;
			leave(); goto left
		}
	od;

wait:
	wait_for_request();
	atomic {
		waiting--;
		if
		:: request[me] == 0 -> goto next /* nothing there, closing, a connection lost */
		:: else -> busy++
		fi;
#if MUTANT != 1
		add_waiter();
#endif
		if
		:: !opened && !closing -> /* may_process() */
			listed[me] = HOLDING;
#if MUTANT != 9
			loop_wake();
#endif
			asleep[me] = true
		:: else ->
			mine = !cut;
			not_mine();
			goto got
		fi
	}
	do
	:: atomic {
			!asleep[me] && listed[me] == HOLDING && !opened && !closing ->
			asleep[me] = true
		}
	:: atomic {
			!asleep[me] && (listed[me] != HOLDING || opened || closing) ->
			listed[me] = NOWHERE;
			mine = !cut && request[me] != 0;
			not_mine();
			goto got
		}
	od;

got:
	atomic {
		if
		:: mine -> taken[me] = true /* ssv_serving_dispatch() */
		:: !mine && request[me] != 0 -> /* get_rid() */
			assert(cut);
			client[request[me]] = DROPPED;
			request[me] = 0
		:: else /* the serving thread has it */
		fi
	}
	goto next;

process:
	finish();
	atomic {
		taken[me] = false;
		busy--;
		if
		:: true -> goto next
		:: exits > 0 -> exits--; leave(); goto left /* abandon() */
		fi
	}

left:
#if MUTANT != 7
	if
	:: had_ended -> atomic { over[other] -> over[other] = false; begun[other] = false }
	:: else
	fi;
#endif
	atomic {
#if MUTANT == 3
		threads--;
#else
		ending--;
#endif
#if MUTANT != 14
		add_waiter();
#endif
		given_back();
		had_ended = false;
		other = 0;
	}
	over[me] = true;
	goto end_begin
}

/* --- threading_mixin.c: requests for the serving thread --- */

inline get_request()
{
	atomic {
		rc = GOT;
		if
#if MUTANT == 11
		:: is_held() ->
#else
		:: !opened && is_held() ->
#endif
			/* take_held() */
			if
#if MUTANT != 2
			:: handed != 0 -> rc = E_BUSY
			:: handed == 0 ->
				reserved = true; /* the thread that had it is there for it */
#else
			:: true ->
#endif
				assert(!opened);
				pop(HOLDING);
				mine = request[popped];
				request[popped] = 0;
				popped = 0;
				busy--
			fi
		:: else ->
			/* may_accept() */
			if
#if !defined(POLL) && MUTANT != 8
			:: waiting > 0 -> rc = E_AGAIN
#endif
			:: else ->
				/* reserve() */
#ifndef REFUSE
				if
#if MUTANT == 10
				:: true
#endif
				:: is_idle()
				:: !is_idle() && reserved && handed == 0
				:: !is_idle() && reserved && handed != 0 -> rc = E_BUSY
				:: !is_idle() && !reserved && threads >= THREADS -> rc = E_BUSY
				:: !is_idle() && !reserved && threads < THREADS ->
					start_or_rest();
					reserved = popped < SLOTS;
					if
					:: !reserved -> rc = E_NOMEM
					:: else
					fi;
					popped = 0
				fi
#else
				skip
#endif
			fi
		fi
	}
	if
	:: rc == GOT && mine == 0 ->
		atomic { /* accept4() of what does not block */
			if
			:: backlog?mine ->
				client[mine] = TAKEN;
#ifndef POLL
				assert(waiting == 0 && !is_held()) /* they came first */
#endif
			:: empty(backlog) -> rc = E_AGAIN
			fi
		}
	:: else
	fi
}

/* threading_process_request(): hand_over() */
inline process_request()
{
	atomic {
		pop(IDLE);
		if
		:: popped < SLOTS -> d_step { request[popped] = mine; taken[popped] = true }
		:: popped == SLOTS && reserved && handed == 0 -> handed = mine
		:: popped == SLOTS && !(reserved && handed == 0) && threads < THREADS ->
			start(mine);
			if
			:: popped == SLOTS -> refuse() /* request_failed() */
			:: else
			fi
		:: popped == SLOTS && !(reserved && handed == 0) && threads >= THREADS ->
#ifndef REFUSE
			assert(false);
#endif
			refuse()
		fi;
		mine = 0;
		popped = 0
	}
}

inline refuse()
{
	d_step {
		assert(client[mine] == TAKEN);
		client[mine] = REFUSED;
		done++
	}
}

/* --- serving.c: handle_request() and step() --- */

/* pass() */
inline pass()
{
	if
	:: ready
	:: !ready -> /* ssv_loop_wait() */
		if
		:: count -> atomic { count = false; ready = true }
		:: watched && nempty(backlog) -> ready = true
		:: timer -> ready = true
		fi
	fi;
	if
	:: stopping
	:: else ->
		/* take_request() */
		get_request();
		if
		:: rc == E_AGAIN -> ready = false; end_rest()
		:: rc == E_BUSY -> /* rest_until_given_back() */
			atomic {
				watched = false;
#if MUTANT != 4
				ready = !resting;
#else
				ready = false;
#endif
				resting = true;
				timer = false
			}
		:: rc == E_NOMEM -> /* rest() */
			atomic { watched = false; ready = false; resting = true; timer = true }
		:: rc == GOT -> end_rest(); process_request()
		fi;
		rc = GOT
	fi
}

inline end_rest()
{
	if
	:: resting -> atomic { timer = false; watched = true; resting = false }
	:: else
	fi
}

/* --- threading_mixin.c: serve_forever() --- */

/* ssv_serving_hand_listener() */
inline hand_listener()
{
	atomic { ready = false; watched = false; resting = false; timer = false }
}

inline start_leading()
{
	hand_listener();
	atomic {
		leading = true;
		opened = true;
#if MUTANT != 5
		workers_wake();
#endif
		add_waiter()
	}
}

inline stop_leading()
{
	atomic { leading = false; opened = false }
	atomic { watched = true; resting = false } /* ssv_serving_watch_listener() */
}

/* tend() */
inline tend()
{
	atomic {
		if
		:: starts_rest -> add_waiter()
		:: else
		fi;
#if MUTANT == 12
		retry = starts_rest;
#else
		retry = starts_rest && is_missed();
#endif
#ifdef REFUSE
#if MUTANT == 13
		surplus = waiting == 0 && !is_idle() && threads >= THREADS;
#else
		surplus = busy >= THREADS;
#endif
		assert(!surplus || has_one(0) + (SLOTS > 2 && has_one(1)) + has_one(SLOTS - 1) >= THREADS);
#endif
		skip
	}
}

inline refuse_surplus()
{
#ifdef REFUSE
	if
	:: surplus && !watched -> atomic { watched = true; resting = false }
	:: !surplus && watched -> hand_listener()
	:: else
	fi;
	if
	:: surplus && ready ->
		ready = false;
		get_request();
		if
		:: rc == GOT -> atomic { refuse(); mine = 0 }
		:: else -> rc = GOT
		fi
	:: else
	fi;
	surplus = false
#else
	skip
#endif
}

/* loop() */
inline lead_loop()
{
	do
	:: stopping -> break
	:: !stopping ->
		tend();
		refuse_surplus();
		if /* ssv_loop_wait() */
		:: count -> count = false
		:: watched && nempty(backlog) -> ready = true
		:: retry
		fi;
		retry = false
	od
}

/* threading_close() */
inline close_server()
{
	/* end_waiting() */
	atomic {
		closing = true;
		leading = false;
		opened = false;
		workers_wake();
		popped = 0
	}
	stop_fd = true;
#if !defined(POLL) && MUTANT != 6
	shut = true;
#endif
	/* end_threads(): the grace is for ever, or over */
	if
	:: !waits || done == CLIENTS
	:: cut = true /* ssv_live_abort() */
	fi;
	threads + ending == 0; /* wait_for_end() */
	if
	:: has_ended -> atomic { over[ended] -> over[ended] = false; begun[ended] = false }
	:: else
	fi;
	d_step {
		client[handed] = DROPPED;
		handed = 0;
		popped = 0;
		do
		:: popped < SLOTS ->
			assert(!begun[popped] && !over[popped]);
			assert(listed[popped] == NOWHERE && request[popped] == 0);
			assert(coming == 0);
			popped++
		:: else -> break
		od
	}
}

proctype serve()
{
	bool retry, surplus;
	byte mine, popped;
	mtype rc = GOT;

	do
	:: runs < RUNS ->
		atomic { runs++; inside = true }
		if
		:: start_leading(); lead_loop(); stop_leading()
		:: do
			:: stopping -> break
			:: !stopping -> pass()
			od
		fi;
		atomic { inside = false; stopping = false }
	:: runs == RUNS -> break
	od;
	close_server()
}

/* Who stops each run: the last one, if this one is patient, once all clients are served. */
proctype stop()
{
	bool patient;
	byte run_number;

	if
	:: patient = true
	:: patient = false
	fi;
	do
	:: run_number < RUNS ->
		run_number++;
		atomic {
			inside && runs == run_number &&
				(!patient || runs < RUNS || done == CLIENTS) -> stopping = true
		}
		loop_wake()
	:: run_number == RUNS -> break
	od
}

proctype connect()
{
	byte n = 1;

	do
	:: n <= CLIENTS -> atomic { client[n] = QUEUED; backlog!n; n++ }
	:: n > CLIENTS -> break
#ifdef QUIET
	:: true -> break /* nobody comes any more, and nobody stops the server */
#endif
	od
}

init
{
	byte n;

	atomic {
		watched = true;
#if THREADS > 1 && !defined(REFUSE)
		if
		:: waits = true
		:: waits = false
		fi;
#endif
		do
		:: n < SLOTS -> run worker(n); n++
		:: else -> n = 0; break
		od;
		run serve();
		run stop();
		run connect()
	}
}
