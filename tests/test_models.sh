#!/usr/bin/env bash
# Spin proves each model that lies beside the code, in every state that it can get into; and finds
# each fault that it can be given, so that the proof is known to see them. What is to be tried
# stands in the model itself, a line each, with the macros that it takes:
#   holds:  no assertion fails, and nobody is left waiting
#   ends:   and nobody is kept busy for ever, if everybody gets a turn (weak fairness)
#   fails:  a fault that the first must find; spins: one for the second
# Usage: test_models.sh DIRECTORY
set -euo pipefail

directory=$(cd "$1" && pwd)
jobs=2
tried='^ \* (holds|ends|fails|spins): +((-D[A-Z_]+(=[0-9]+)? *)+)(.*)$'

if ! command -v spin >/dev/null; then
	echo "skipped: Spin, which proves the models, is not installed (./dev install-deps test)"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

search() { # KIND MODEL MACRO...: what the verifier says, on standard output
	local kind=$1 model=$2 compile=(-DSAFETY) run=() optimise=-O1
	shift 2

	case $kind in
	ends | spins) compile=(-DNP -DNFAIR=3) run=(-l -f) ;;
	esac
	case $kind in
	fails | spins) optimise=-O0 ;; # it is found at once
	esac
	cp "$model" model.pml
	spin "$@" -a model.pml
	${CC:-cc} -w "$optimise" -DMEMLIM=1024 "${compile[@]}" -o pan pan.c
	./pan "${run[@]}" -m10000 -w22
}

# All of it was searched, or an error was found: no other end will do.
is_as_told() { # KIND LOG
	case $1 in
	holds | ends)
		grep -q 'errors: 0$' "$2" && ! grep -qE 'not completed|too small|truncated' "$2"
		;;
	fails) grep -qE '^pan:1: (assertion violated|invalid end state)' "$2" ;;
	spins) grep -q '^pan:1: non-progress cycle' "$2" ;;
	esac
}

try() { # NUMBER MODEL LINE: leaves NUMBER.good or NUMBER.bad
	local place=$work/$1 model=$2 line=$3 kind macros

	[[ $line =~ $tried ]]
	kind=${BASH_REMATCH[1]}
	read -ra macros <<<"${BASH_REMATCH[2]}"
	mkdir "$place"
	(cd "$place" && search "$kind" "$model" "${macros[@]}") >"$place.log" 2>&1 || true
	rm -rf "$place"
	if is_as_told "$kind" "$place.log"; then
		touch "$place.good"
	else
		{
			echo "not so: $(basename "$model"): ${line# \* }"
			tail -n 40 "$place.log"
		} >"$place.bad"
	fi
}

number=0
for model in "$directory"/*.pml; do
	while IFS= read -r line; do
		number=$((number + 1))
		try "$number" "$model" "$line" &
		while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do
			wait -n
		done
	done < <(grep -E "$tried" "$model")
done
wait

shopt -s nullglob
good=("$work"/*.good) bad=("$work"/*.bad)
[[ ${#bad[@]} -eq 0 ]] || cat "${bad[@]}"
failures=$((number - ${#good[@]}))
percent=$((number > 0 ? 100 * ${#good[@]} / number : 0))
echo "$percent%: Checks: $number, Failures: $failures, Errors: 0"
[[ $number -gt 0 && $failures -eq 0 ]]
