#!/bin/sh
# Makes DIRECTORY/html and DIRECTORY/man, and fails for what is not documented.
# Usage: reference.sh PROGRAM VERSION DIRECTORY
set -eu

program=$1 version=$2 directory=$3
here=$(dirname "$0")

mkdir -p "$directory/man/man1"
"$here/doxygen.sh" html "$version" "$directory"
"$here/doxygen.sh" xml "$version" "$directory"
"$here/header_pages.py" "$directory/xml" "$here/../../README.md" "$version" "$directory/man/man3"
"$here/command_page.py" "$program" "$here/socketserver.1.in" "$version" \
	>"$directory/man/man1/socketserver.1"
