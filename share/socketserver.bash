# Completion of socketserver for bash: the program itself says what a word may become.
# shellcheck shell=bash

_socketserver() {
	local line=${COMP_LINE:0:COMP_POINT} current candidate file prefix
	local -a words

	COMPREPLY=()
	# shellcheck disable=SC2162 # a backslash is to be taken as the shell takes it
	read -a words <<<"$line"
	[[ $line != *[[:blank:]] || $line == *\\[[:blank:]] ]] || words+=('')
	[[ ${#words[@]} -gt 0 ]] || return 0
	current=${words[-1]}
	while IFS=$'\t' read -r candidate _; do
		if [[ $candidate != ':files '* ]]; then
			COMPREPLY+=("$candidate")
			continue
		fi
		prefix=${candidate#:files }
		while IFS= read -r file; do
			[[ ! -d $file ]] || file+=/
			printf -v file %q "$file" # on the line a name is text, whatever is in it
			[[ ${current#"$prefix"} != '~'* ]] || file=${file#\\}
			COMPREPLY+=("$prefix$file")
		done < <(compgen -f -- "${current#"$prefix"}")
	done < <("$1" complete "${words[@]:1}" 2>/dev/null)
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[/:=] ]] || compopt -o nospace 2>/dev/null

	# Where bash takes : and = for ends of words, it has kept what is in front of the last one.
	prefix=${current%"${current##*[:=]}"}
	[[ $COMP_WORDBREAKS == *:* ]] || prefix=
	COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}

complete -F _socketserver socketserver
