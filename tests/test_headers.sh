#!/usr/bin/env bash
# Every public header compiles alone, twice in a row, as strict C11 and as C++17, without a warning.
# Usage: test_headers.sh INCLUDE_DIRECTORY
set -euo pipefail

include=$1
cd "$include"
failed=0

compile_all() { # COMPILER ARGUMENT...
	local header rc=0

	if ! command -v "$1" >/dev/null; then
		echo "$1 is not installed: skipped"
		return
	fi
	for header in socketserver/*.h; do
		# The last line: a unit with nothing but macros in it would be a warning of its own.
		printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' \
			"$header" "$header" |
			"$@" -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only - || {
			echo "$header does not compile alone: $*"
			rc=1
		}
	done
	return $rc
}

compile_all gcc -std=c11 -x c || failed=1
compile_all clang -std=c11 -x c || failed=1
compile_all g++ -std=c++17 -x c++ || failed=1
exit $failed
