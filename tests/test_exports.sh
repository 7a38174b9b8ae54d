#!/usr/bin/env bash
# The shared library exports what the public headers declare: all of it, and nothing else.
# Usage: test_exports.sh LIBRARY INCLUDE_DIRECTORY
set -euo pipefail

library=$1
include=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is SSV_API is known by its visibility once the preprocessor has run: a declaration a line,
# without what stands around the name. What a plug-in exports is not the library's.
echo '#include <socketserver/socketserver.h>' | "${CC:-cc}" -E -P -I"$include" - |
	tr '\n;' ' \n' |
	sed -nE '/visibility\("default"\)/ {
		s/.*visibility\("default"\)\)\)//
		s/(__attribute__|\(|\[).*//
		s/ *$//
		s/.*[^a-z0-9_]//
		p
	}' | grep -vx ssv_handler_plugin | sort -u >"$work/declared"
nm -D --defined-only "$library" | sed 's/.* //' | sort -u >"$work/exported"

if ! [[ -s $work/declared ]]; then
	echo "no declarations were found in the headers"
	exit 1
fi
if grep -v '^ssv_' "$work/exported"; then
	echo "these are exported and do not begin with ssv_"
	exit 1
fi
if ! diff "$work/declared" "$work/exported"; then
	echo "< is declared but not exported, > is exported but not declared"
	exit 1
fi
echo "exported as declared: $(wc -l <"$work/declared") symbols"
