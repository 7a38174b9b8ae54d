#!/bin/sh
# Has Doxygen make DIRECTORY/xml of the public headers, or DIRECTORY/html of headers and documents.
# Fails for what is not documented, unless WARN_AS_ERROR=NO.
# Usage: doxygen.sh xml|html VERSION DIRECTORY
set -eu

format=$1 version=$2
mkdir -p "$3"
directory=$(cd "$3" && pwd)
cd "$(dirname "$0")/../.."

case $format in
xml) input=include generated=XML ;;
html) input='include README.md CHANGELOG.md docs' generated=HTML ;;
esac
rm -rf "${directory:?}/$format"
exec doxygen - <<CONFIGURATION
@INCLUDE = docs/reference/Doxyfile
PROJECT_NUMBER = $version
INPUT = $input
RECURSIVE = YES
FILE_PATTERNS = *.h *.md
INPUT_FILTER = "python3 docs/reference/filter.py"
GENERATE_$generated = YES
OUTPUT_DIRECTORY = "$directory"
${WARN_AS_ERROR:+WARN_AS_ERROR = $WARN_AS_ERROR}
CONFIGURATION
