"""The scripts that teach shells to ask for candidates."""

import shlex

SHELLS = ("bash", "zsh")

_BASH = """\
# xcatflow's words for bash. In ~/.bashrc: source <(xcatflow completion bash)
_xcatflow_words={words}

_xcatflow() {{
    local line=${{COMP_LINE-}}
    if [[ -n $line ]]; then
        line=${{line:0:COMP_POINT}}
    else
        local IFS=' '
        line="${{COMP_WORDS[*]:0:COMP_CWORD+1}}"
    fi
    mapfile -t COMPREPLY < <(XCATFLOW_WORDS=$_xcatflow_words {ask} "$line" "${{COMP_WORDBREAKS-}}" 2>/dev/null)
}}

complete -o nospace -F _xcatflow {programs}
"""

_ZSH = """\
# xcatflow's words for zsh. In ~/.zshrc: source <(xcatflow completion zsh)
_xcatflow_words={words}

_xcatflow() {{
    local line="${{(j: :)words[1,CURRENT-1]}} ${{QIPREFIX}}${{PREFIX}}"
    local -a found whole begun
    found=("${{(@f)$(XCATFLOW_WORDS=$_xcatflow_words {ask} "$line" 2>/dev/null)}}")
    whole=("${{(@M)found:#* }}")
    begun=("${{(@)found:#* }}")
    begun=("${{(@)begun:#}}")
    (( $#whole )) && compadd -Q -S ' ' -r ',@=+ ' -- "${{(@)whole% }}"
    (( $#begun )) && compadd -Q -S '' -- "${{(@)begun}}"
    (( $#whole || $#begun ))
}}

(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
compdef _xcatflow {programs}
"""


def script(shell: str, *, python: str, ask: str, words: str, programs: tuple[str, ...]) -> str:
    """The script for one of SHELLS: what `programs` take is in `words`, and `python` runs the file `ask`."""
    text = _BASH if shell == "bash" else _ZSH
    return text.format(
        words=shlex.quote(words),
        ask=shlex.join([python, "-I", "-S", ask]),
        programs=shlex.join(programs),
    )
