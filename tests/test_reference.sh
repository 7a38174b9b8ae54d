#!/usr/bin/env bash
# The manual: Doxygen finds nothing undocumented, each exported symbol and each option has its
# place, and no reader of man(7) has a complaint.
# Usage: test_reference.sh SOURCE_DIRECTORY PROGRAM LIBRARY VERSION
set -euo pipefail

source=$1 program=$(realpath "$2") library=$(realpath "$3") version=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

for tool in doxygen mandoc groff; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: $tool is not installed (./dev install-deps test)"
		exit 77
	fi
done

complain() {
	echo "$*"
	failed=1
}

"$source/docs/reference/reference.sh" "$program" "$version" "$work" || {
	echo "the manual cannot be made: document in the header what is named above," \
		"see CONTRIBUTING.md"
	exit 1
}
cd "$work/man"

[[ -s $work/html/index.html ]] || complain "there is no HTML"
mapfile -t pages < <(grep -rL '^\.so ' man1 man3 | sort)
mandoc -T lint -W warning "${pages[@]}" || complain "mandoc has complaints"
for page in "${pages[@]}"; do
	complaints=$(groff -ww -man -Tutf8 -z "$page" 2>&1)
	[[ -z $complaints ]] || complain "groff: $page: $complaints"
	for section in NAME SYNOPSIS DESCRIPTION 'SEE ALSO'; do
		grep -qx ".SH $section" "$page" || complain "$page has no $section"
	done
done

while read -r symbol; do
	[[ -e man3/$symbol.3 ]] || complain "man3/$symbol.3 is missing"
done < <(nm -D --defined-only "$library" | sed 's/.* //')
for header in "$source"/include/socketserver/*.h; do
	name=$(basename "$header" .h)
	[[ $name == socketserver ]] || name=ssv_$name
	[[ -e man3/$name.3 ]] || complain "man3/$name.3 is missing"
done

# Who returns nothing, returns no error.
errors_of_void() { # PAGE...
	awk 'FNR == 1 { section = ""; delete is_void }
		/^\.SH / { section = $0 }
		section == ".SH SYNOPSIS" && match($0, /fBvoid [a-z_]+\(/) {
			is_void[substr($0, RSTART + 7, RLENGTH - 8)]
		}
		section == ".SH ERRORS" {
			for (name in is_void)
				if (index($0, "fB" name "()")) print FILENAME, name
		}' "$@"
}
while read -r page name; do
	complain "$page: ERRORS of $name(), which returns nothing"
done < <(errors_of_void man3/*.3)
sed 's/^.SH SEE/.SH ERRORS\n\\fBssv_server_init()\\fP\n&/' man3/ssv_server.3 >wrong.3
[[ $(errors_of_void wrong.3) == "wrong.3 ssv_server_init" ]] ||
	complain "an error of a void function was not noticed"
for error in ECONNRESET EPIPE ENOMEM ETIMEDOUT; do
	sed -n '/^.SH ERRORS/,$p' man3/ssv_stream.3 | grep -q "fB$error" ||
		complain "ERRORS of ssv_stream(3) lacks $error, which is of all its functions"
done

man_text=$(MANWIDTH=200 man -l man1/socketserver.1)
options_of() { # ARGUMENT...
	"$program" "$@" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' |
		grep -oE -- '--[a-z-]+' || true
}
commands=$("$program" --help | sed -nE '3,/^$/s/^  ([a-z]+) .*/\1/p' | sort -u)
handlers=$("$program" handlers | sed 1d | cut -d' ' -f1)
for option in $(
	for command in $commands; do options_of "$command"; done
	for handler in $handlers; do options_of serve "$handler"; done
); do
	grep -qE -- "$option( |,|\$)" <<<"$man_text" || complain "socketserver(1) lacks $option"
done
for handler in $handlers; do
	grep -qx "   $handler" <<<"$man_text" ||
		complain "socketserver(1) lacks the handler $handler"
done

# What the sources read, answer and take, which no --help has.
lacks() { # SECTION WORD
	! sed -n "/^$1\$/,/^[A-Z]/{/^[A-Z]/!p}" <<<"$man_text" | grep -qwF -- "$2"
}
all_in() { # SECTION FILE PATTERN
	local word words

	words=$(grep -rohP -- "$3" "$source/program/$2" | sort -u)
	[[ -n $words ]] || complain "program/$2 has nothing for $1 any more"
	for word in $words; do
		! lacks "$1" "$word" || complain "$1 of socketserver(1) lacks $word"
	done
}
all_in ENVIRONMENT "" '(getenv\(|_VARIABLE )"\K[A-Z_]+'
all_in STATISTICS stats_format.c '^\t\{"\K\w+'
all_in STATISTICS stats_format.c '^\t\{"\w+", "\K/\w*'
all_in STATISTICS stats_format.c '"\K(socketserver|process)_\w+(?=")'
all_in STATISTICS snapshot.c 'return "\K\w+'
all_in 'OPTIONS FILE' config.c 'is_named\(line, "\K(?!inetd)[\w-]+'
lacks ENVIRONMENT NO_SUCH_VARIABLE || complain "a variable that is missing was not noticed"

echo "pages: ${#pages[@]}"
exit $failed
