#!/usr/bin/env bash
# ./dev check: everything that must hold before a change goes in. Goes on after a failure, so as to
# show them all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 failures=()

step() { # HEADING COMMAND...
	local good bad rc=0 start=$SECONDS heading=$1

	printf '\n=== %s\n' "$heading"
	shift
	"$@" 2>&1 | tee "$log" || rc=$?

	# Check's own counts; a test program that failed without them counts as one, as does a step.
	read -r good bad < <(awk '
		/^ *[0-9]+\/[0-9]+ / {
			if (sub(/.*Checks: /, "")) {
				gsub(/[^0-9 ]/, "")
				good += $1 - $2 - $3
				bad += $2 + $3
			} else if (/ (FAIL|ERROR|TIMEOUT|INTERRUPT) /)
				bad++
		}
		END { print good + 0, bad + 0 }' "$log")
	if [[ $rc -ne 0 ]]; then
		echo "=== this failed: $*"
		failures+=("$heading")
		[[ $bad -gt 0 ]] || bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	echo "=== $((SECONDS - start)) s"
}

step 'what is needed' ./dev install-deps all
step 'formatting' ./dev format --check
step 'static analysis' ./dev lint
step 'shell scripts' shellcheck dev .ci/run scripts/*.sh tests/*.sh docs/reference/*.sh share/*.bash
step 'mutants still apply' tests/mutants.py --dry-run
for sanitizer in none address,undefined thread; do
	for compiler in gcc clang; do
		step "tests: $compiler, sanitizer: $sanitizer" \
			./dev test --compiler "$compiler" --sanitize "$sanitizer"
	done
done
step 'tests: the large ones, in full' \
	env SSV_LONG=1 ./dev test test_hostile test_overload test_overload_real
step 'tests: a thousand stops, of each class' ./dev torture stops
step 'tests: the models' ./dev test --suite model
step 'tests: without libedit' \
	./dev test --without-libedit --suite handlers --suite program
step 'tests: under memcheck, each class and mode' \
	./dev test --valgrind test_parity test_server
step 'ABI' ./dev abi
step 'Debian packages' ./dev test --suite deb
step 'coverage' ./dev coverage
step 'fuzzing' ./dev fuzz
step 'soak' ./dev soak 1000000
step 'soak, sanitizer: address,undefined' ./dev test --sanitize address,undefined --suite soak
step 'soak, sanitizer: thread' ./dev test --sanitize thread --suite soak

printf '\n%d s\n%d passed, %d failed\n' $SECONDS $passed $failed
[[ $failed -eq 0 ]] || printf 'failed: %s\n' "${failures[@]}"
[[ $failed -eq 0 ]]
