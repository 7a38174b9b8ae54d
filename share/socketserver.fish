# Completion of socketserver for fish: the program itself says what a word may become.

# A ~ that fish expands begins the word.
function __socketserver_files --argument-names prefix begun
    set -l home
    string match -q '~/*' -- "$prefix$begun"; and set home $HOME
    test -n "$home"; and set begun (string sub -s 2 -- $begun)
    for file in "$home$begun"*
        test -d $file; and set file $file/
        test -n "$home"; and set file (string replace -- $home '~' $file)
        printf '%s\n' $prefix$file
    end
end

function __socketserver_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    string match -q '~/*' -- $words[1]; and set words[1] $HOME(string sub -s 2 -- $words[1])
    for line in ($words[1] complete $words[2..-1] "$current" 2>/dev/null)
        if string match -q ':files *' -- $line
            set -l prefix (string replace ':files ' '' -- $line)
            __socketserver_files "$prefix" (string replace -- "$prefix" '' "$current")
        else
            echo $line
        end
    end
end

complete -c socketserver -f -a '(__socketserver_complete)'
