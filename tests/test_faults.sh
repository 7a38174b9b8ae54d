#!/usr/bin/env bash
# What the library asks of the C library and the system either fails in test_sweep.c, being listed
# in faults.h, or stands here, with the reason why it need not.
# Usage: test_faults.sh LIBRARY FAULTS_H
set -euo pipefail

library=$1
faults=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sort >"$work/left_out" <<'END'
__gcov_dump: of ./dev coverage
_exit: does not return
__errno_location: cannot fail
__stack_chk_fail: does not return
__pthread_register_cancel: of pthread_cleanup_push()
__pthread_unregister_cancel: of pthread_cleanup_push()
__pthread_unwind_next: of pthread_cleanup_push()
__sigsetjmp: of pthread_cleanup_push()
__sysconf: PTHREAD_STACK_MIN, which there is
__tls_get_addr: the loader's
clock_gettime: fails for a clock that is not there alone
eventfd_write: fails where it has been written to 2^64 times alone
free: cannot fail
freeaddrinfo: cannot fail
getpid: cannot fail
if_nametoindex: an interface that is not there is looked for again by getaddrinfo
if_indextoname: whoever fails it has the number instead of the name: test_address.c
in6addr_any: a constant
inet_ntop: fails where there is too little room alone
inet_pton: text alone
munmap: fails for what was never mapped alone
nanosleep: fails at a signal alone, and is for a rest: test_forking_mixin.c
pthread_attr_destroy: cannot fail
pthread_cond_broadcast: cannot fail
pthread_cond_clockwait: fails at its time alone, which is its purpose
pthread_cond_init: cannot fail in glibc
pthread_cond_signal: cannot fail
pthread_cond_wait: cannot fail
pthread_join: fails for a thread that is none alone
pthread_mutex_consistent: fails for a mutex that was consistent alone
pthread_mutex_init: cannot fail in glibc
pthread_mutex_lock: cannot fail for a lock of one process
pthread_mutex_trylock: fails where its owner is stopped or has died: test_forking_mixin.c
pthread_mutex_unlock: cannot fail for its owner
pthread_mutexattr_destroy: cannot fail
pthread_mutexattr_init: cannot fail
pthread_mutexattr_setpshared: cannot fail on Linux
pthread_mutexattr_setrobust: cannot fail
pthread_self: cannot fail
pthread_attr_setguardsize: cannot fail in glibc
pthread_setcancelstate: fails for a state that there is not alone
pthread_sigmask: fails for a way that there is not alone
sched_yield: cannot fail on Linux
sigaddset: text and sets alone
sigdelset: text and sets alone
sigemptyset: text and sets alone
sigfillset: text and sets alone
sigismember: text and sets alone
sigpending: fails for memory that is not ours alone
sigtimedwait: fails where there is no signal, which is its purpose: test_log.c
vasprintf: fails without memory alone: test_allocations.py
write: to standard error alone: test_log.c
END

text='bcmp|mem|str|stp|sigabbrev|s(n)?printf|__cxa_'

# The fortified ones (__memcpy_chk) are what they are without.
nm -D --undefined-only "$library" | sed 's/.* //' | sed -E 's/@.*//; s/^__(.*)_chk$/\1/' |
	grep -vE "^($text)" | grep -vE '^_(ITM|_gmon)' | sort -u >"$work/called"
sed -nE 's/^\tX\(([a-z0-9_]+)\).*/\1/p' "$faults" | sort >"$work/failing"
sed 's/:.*//' "$work/left_out" | sort >"$work/named"

if ! [[ -s $work/called && -s $work/failing ]]; then
	echo "nothing was found in $library or $faults"
	exit 1
fi
if comm -12 "$work/failing" "$work/named" | grep .; then
	echo "these are left out here, and fail there"
	exit 1
fi
if sort -u "$work/failing" "$work/named" | comm -13 - "$work/called" | grep .; then
	echo "these are new calls of the library's: to tests/faults.h with them, or here"
	exit 1
fi
if comm -23 "$work/failing" "$work/called" | grep .; then
	echo "these the library does not call any more"
	exit 1
fi
echo "can fail: $(wc -l <"$work/failing") calls; cannot, or need not: $(wc -l <"$work/named")"
