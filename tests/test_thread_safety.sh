#!/usr/bin/env bash
# Neither the library nor the program calls what threads may not share (attributes(7): MT-Unsafe),
# and the library never asks for the time of day, which may jump.
# Usage: test_thread_safety.sh LIBRARY PROGRAM SOURCE_DIRECTORY
set -euo pipefail

# Each keeps what it returns, or its place, in memory of all.
unsafe=(asctime basename catgets crypt ctime dbm_open dirname drand48 ecvt encrypt endgrent endpwent
	erand48 ether_aton ether_ntoa fcvt fgetgrent fgetpwent ftw gcvt getdate getenv getgrent
	getgrgid getgrnam gethostbyaddr gethostbyname gethostbyname2 gethostent getlogin getmntent
	getnetbyname getopt getopt_long getprotobyname getpwent getpwnam getpwuid getservbyname
	getservbyport getspnam getutent gmtime hcreate hsearch inet_ntoa inet_nsap_ntoa l64a lgamma
	localeconv localtime lrand48 mblen mbtowc mrand48 nl_langinfo nrand48 ptsname putenv rand
	random readdir readdir64 re_comp setenv setkey setlocale setlogmask srand srandom strerror
	strsignal strtok syslog tmpnam ttyname unsetenv wctomb)
# What the program calls nevertheless: where there is one thread, or of what no other thread has.
alone=(endgrent endpwent getgrent getpwent # complete
	getenv      # talk's terminal; nobody changes the environment
	getopt_long # the command line
	getgrnam    # --group, before it serves
	getpwnam    # exec, and --user, before they serve
	getpwuid    # --user, before it serves
	nl_langinfo # talk
	readdir64   # a directory of its own
	setlocale   # talk
	strerror    # glibc: each thread has a text of its own
	unsetenv)   # what is meant for this process alone, before it serves
time_of_day=(time ftime gettimeofday pthread_cond_timedwait pthread_mutex_timedlock sem_timedwait
	alarm getitimer setitimer)

imported_by() { # FILE NAME...: those of the names that it calls
	local file=$1
	shift
	comm -12 <(nm -D --undefined-only "$file" | sed 's/.* //; s/@.*//' | sort -u) \
		<(printf '%s\n' "$@" | sort -u)
}

refuse() { # WHAT FILE NAME...
	local what=$1 file=$2 found
	shift 2
	found=$(imported_by "$file" "$@" | grep -vxF "$excepted" || true)
	[[ -z $found ]] || {
		echo "$what: ${file##*/} calls $(echo "$found" | tr '\n' ' ')"
		exit 1
	}
}

library=$1 program=$2 sources=$3
[[ $(imported_by "$library" accept4) == accept4 ]] # so that it is known to see calls
excepted=none
refuse 'not for threads' "$library" "${unsafe[@]}"
refuse 'not the monotonic clock' "$library" "${time_of_day[@]}"
excepted=$(printf '%s\n' "${alone[@]}")
refuse 'not for threads' "$program" "${unsafe[@]}"
if grep -nE 'CLOCK_(REALTIME|TAI)' "$sources"/*.[ch]; then
	echo 'not the monotonic clock'
	exit 1
fi
grep -q CLOCK_MONOTONIC "$sources/clock.c"
echo "none of ${#unsafe[@]} functions that threads may not share, nor the time of day"
