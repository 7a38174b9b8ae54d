# Completion of socketserver for fish: the program itself says what a word may become.

function __socketserver_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete $words[2..-1] "$current" 2>/dev/null)
        if string match -q ':files *' -- $line
            set -l prefix (string replace ':files ' '' -- $line)
            for file in (string replace -- "$prefix" '' "$current")*
                test -d $file; and set file $file/
                echo $prefix$file
            end
        else
            echo $line
        end
    end
end

complete -c socketserver -f -a '(__socketserver_complete)'
