"""`sspo completion SHELL`: the script that completes `sspo` in a shell, and the words that the script asks for.

A script calls `sspo completion --words`, so that it stays right while studies, runs and options change.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from sspo.console.candidates import SHELLS, candidates
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError, unknown

USAGE = f"""usage: sspo completion {"|".join(SHELLS)}

Print the script that completes `sspo` in a shell. To have it in every new shell:
  bash   echo 'eval "$(sspo completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(sspo completion zsh)"' >> ~/.zshrc
  fish   sspo completion fish > ~/.config/fish/completions/sspo.fish
"""
BASH = """_sspo() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" completion --words bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2> /dev/null))
    case "${COMPREPLY[0]}" in
        *= | *.) compopt -o nospace ;;
    esac
}
complete -o default -F _sspo sspo
"""
ZSH = """#compdef sspo
_sspo() {
    local -a found open
    found=("${(@f)$("${words[1]}" completion --words zsh "${(j: :)words[1,CURRENT]}" 2> /dev/null)}")
    found=(${found:#})
    open=(${(M)found:#*[=.]})
    found=(${found:#*[=.]})
    (( $#open )) && compadd -Q -S '' -- $open
    (( $#found )) && compadd -Q -- $found
    (( $#open + $#found )) || _files
}
if [ "$funcstack[1]" = _sspo ]; then _sspo; else compdef _sspo sspo; fi
"""
FISH = """complete -c sspo -a '(sspo completion --words fish (commandline -cp) 2> /dev/null)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def main() -> int:
    """Print a script, or with --words the candidates for one command line. Returns 0."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(USAGE, end="")
        return 0
    if not words:
        raise UserError(f"which shell? name one of {', '.join(SHELLS)}")
    if words[0] == "--words":
        print("\n".join(for_shell(*words[1:])))
        return 0
    if words[0] not in SCRIPTS:
        raise unknown("shell", words[0], SCRIPTS)
    print(SCRIPTS[words[0]], end="")
    return 0


def for_shell(shell: str, line: str, breaks: str = "") -> list[str]:
    """Return the candidates for the end of a command line; bash wants them from its last break within a word on."""
    words, current = split(line)
    found = candidates(words[1:], current)
    if shell != "bash":
        return found
    kept = max((current.rfind(mark) + 1 for mark in breaks if mark in "=:"), default=0)
    return [word[kept:] for word in found]


def split(line: str) -> tuple[Sequence[str], str]:
    """Return the words before the last one, and the last one, which is empty after a blank."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote that is still open
        words = line.split()
    if line[-1:].isspace() or not words:
        return words, ""
    return words[:-1], words[-1]


if __name__ == "__main__":
    sys.exit(one_sentence(main))
