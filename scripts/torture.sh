#!/usr/bin/env bash
# ./dev torture: the long form of what tries to break a server, a row of the table each. What a row
# printed, and the row itself, stay in build/torture, so that the table can be made in pieces.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kept=$PWD/build/torture
seed=${SSV_SEED:-$((RANDOM + 1))}
all=(overload hostile kills stops sweep allocations models soak soak-address soak-thread address
	thread fuzz valgrind mutants)

describe() { # ROW: `what` it does, `with` which seed, and the `command`
	with='–'
	case $1 in
	overload)
		what='no descriptors, memory, threads or processes for 5 s'
		command=(./dev test test_overload test_overload_real)
		;;
	hostile)
		what='hostile clients beside good ones for 60 s, each mode'
		command=(./dev test test_hostile)
		;;
	kills)
		what='children ended by five signals at each stage, and at random' with=$seed
		command=(./dev test test_kill_matrix)
		;;
	stops)
		what='stops and closes under load, each class'
		command=(./dev test test_parity)
		;;
	sweep)
		what='each error of each call, first three occurrences, each class'
		command=(./dev test test_sweep_first test_sweep_second test_sweep_third)
		;;
	allocations)
		what='each allocation of the program and its handlers fails, and all from each on'
		command=(./dev test test_allocations)
		;;
	models)
		what='models of stop, close and threads, every state; and their faults'
		command=(./dev test test_models)
		;;
	soak)
		what='connections and datagrams, each transport in each mode'
		command=(./dev soak "${SOAK_COUNT:-1000000}")
		;;
	soak-address)
		what='the same with AddressSanitizer, UndefinedBehaviorSanitizer'
		command=(./dev test --sanitize "address,undefined" --suite soak)
		;;
	soak-thread)
		what='the same with ThreadSanitizer'
		command=(./dev test --sanitize thread --suite soak)
		;;
	address)
		what='stops, kills and hostile clients with AddressSanitizer,'
		what+=' UndefinedBehaviorSanitizer'
		with=$seed
		command=(./dev test --sanitize "address,undefined"
			test_parity test_kill_matrix test_hostile)
		;;
	thread)
		what='the same with ThreadSanitizer' with=$seed
		command=(./dev test --sanitize thread test_parity test_kill_matrix test_hostile)
		;;
	fuzz)
		what="input made up at random, ${FUZZ_SECONDS:-300} s for each target" with=$seed
		command=(./dev fuzz "${FUZZ_SECONDS:-300}")
		;;
	valgrind)
		what="the library's tests under memcheck, short form"
		command=(env -u SSV_LONG ./dev test --valgrind)
		;;
	mutants)
		what='faults put into the library: each must be seen by its tests'
		command=(env -u SSV_LONG tests/mutants.py build/mutants)
		;;
	*) return 1 ;;
	esac
}

# The sum of what its programs have counted ("counted: 1000 stops"), or else the number of tests.
count() { # LOG
	awk '
		function add(n, what) {
			gsub(/,/, "", n)
			if (!(what in sum))
				order[++kinds] = what
			sum[what] += n
		}
		match($0, /counted: [0-9]+ .+/) {
			split(substr($0, RSTART), word, " ")
			sub(/.*counted: [0-9]+ /, "")
			add(word[2], $0)
		}
		/ runs, .* branches, / { add($2, "runs") }
		/ mutants were killed$/ { add($3, "mutants") }
		/Checks: / { sub(/.*Checks: /, ""); checks += $1 }
		END {
			if (!kinds && checks)
				add(checks, "checks")
			for (i = 1; i <= kinds; i++)
				printf "%s%d %s", (i > 1 ? ", " : ""), sum[order[i]], order[i]
			if (!kinds)
				printf "–"
		}' "$1"
}

found() { # LOG STATUS
	[[ $2 -ne 0 ]] || { echo nothing && return; }
	grep -aoE 'FAILED, of .*|[0-9]+ of [0-9]+ mutants were killed|this breaks .*' "$1" |
		tail -n 1 |
		grep . || echo "FAILED, see build/torture/$(basename "$1")"
}

run() { # ROW
	local what with command log=$kept/$1.log start=$SECONDS rc=0 result

	describe "$1"
	printf '%-14s ' "$1"
	rm -f "$kept/$1.row"
	find build -name testlog.txt -delete
	SSV_LONG=1 SSV_SEED=$seed "${command[@]}" >"$log" 2>&1 </dev/null || rc=$?
	find build -name testlog.txt -exec grep -ahoE 'counted: [0-9]+ .*' {} + >>"$log" || true
	result="$(count "$log") | $(found "$log" $rc) | $with | $((SECONDS - start))"
	echo "$result s"
	echo "| $1 | $what | $result |" >"$kept/$1.row"
	return $rc
}

table() {
	local row what with command processor

	echo "| Row | What | Count | Found | Seed | Seconds |"
	echo "|---|---|---|---|---|---|"
	for row in "${all[@]}"; do
		describe "$row"
		cat "$kept/$row.row" 2>/dev/null || echo "| $row | $what | not run | | | |"
	done
	echo
	processor=$(sed -n '/^model name/ { s/.*: //p; q }' /proc/cpuinfo)
	echo "Linux $(uname -r), $(nproc) processors ($processor)," \
		"$(gcc --version | head -n 1), $(clang --version | head -n 1)," \
		"$(date -u +%Y-%m-%d)."
}

rows=("${all[@]}")
[[ $# -eq 0 ]] || rows=("$@")
for row in "${rows[@]}"; do
	describe "$row" || { echo "torture: no row $row; there are: ${all[*]}" >&2 && exit 2; }
done
mkdir -p "$kept"
failed=()
for row in "${rows[@]}"; do
	run "$row" || failed+=("$row")
done
echo
table | tee "$kept/table.md"
[[ ${#failed[@]} -eq 0 ]] || { echo "FAILED: ${failed[*]}" && exit 1; }
