#!/usr/bin/env bash
# What is built has the protections that meson.build asks for: it is seen in the files themselves.
# Usage: test_hardening.sh FILE...
set -euo pipefail

good=true

expect() { # FILE WHAT PATTERN READELF_OPTION...
	local file=$1 what=$2 pattern=$3
	shift 3

	if ! readelf --wide "$@" "$file" | grep -E "$pattern" >/dev/null; then
		echo "$(basename "$file"): $what: no $pattern in: readelf --wide $*"
		good=false
	fi
}

for file; do
	expect "$file" 'position-independent' 'Type: +DYN' --file-header
	expect "$file" 'tables read-only once linked (RELRO)' 'GNU_RELRO' --program-headers
	expect "$file" 'all of them linked at the start' 'BIND_NOW|FLAGS_1.* NOW' --dynamic
	expect "$file" 'no executable stack' 'GNU_STACK .* RW +0x' --program-headers
	expect "$file" 'stack protector' '__stack_chk_fail' --dyn-syms
	expect "$file" 'checked C library functions (FORTIFY)' '__[a-z]+_chk' --dyn-syms
done
$good
