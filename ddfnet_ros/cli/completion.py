# SPDX-License-Identifier: Apache-2.0
"""`ddfnet --completion SHELL`: shell code that completes verbs, options and choices by Tab."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SHELLS = ('bash', 'zsh')
NESTED = ('weights',)
"""Verbs that have verbs of their own."""

# Options and their choices come from the verb's own --help, so they always match the installed
# version. Calling it takes a second, so a shell calls it once per verb, and not for file names.
_BASH = r"""# ddfnet: completion of verbs, options, their choices, and file names
declare -gA _ddfnet_help
_ddfnet() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    local known= nested= said=
    [[ " NESTED " == *" $verb "* ]] && nested=yes
    if [[ $COMP_CWORD == 1 ]]; then
        known='VERBS --help --version --completion'
    elif [[ $verb == --completion && $COMP_CWORD == 2 ]]; then
        known='SHELLS'
    elif [[ " VERBS " == *" $verb "* ]] &&
            [[ $word == -* || $before == --* || ( $nested && $COMP_CWORD == 2 ) ]]; then
        [[ $nested && $COMP_CWORD -gt 2 ]] && verb="$verb ${COMP_WORDS[2]}"
        if [[ -z ${_ddfnet_help[$verb]-} ]]; then
            said=$(IFS=' '; "$1" ${COMP_WORDS[1]} ${verb#"${COMP_WORDS[1]}"} --help 2>/dev/null)
            _ddfnet_help[$verb]=$said
        fi
        said=${_ddfnet_help[$verb]}
        if [[ $word == -* ]]; then
            known=$(grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' <<< "$said" |
                grep -oE -- '--.*' | sort -u)
        elif [[ $before == --* ]]; then
            known=$(grep -oE -- "$before [[]?[{]?[a-zA-Z0-9_/-]+([|,][a-zA-Z0-9_/-]+)+" \
                <<< "$said" | tr '|,{[ ' '\n' | grep -vE -- '^(--.*|[A-Z]*)$')
        else
            known=$(grep -oE -- '^usage:.*[{].*[}]' <<< "$said" | grep -oE '[^{]*[}]' |
                tr ',}' '\n')
        fi
    fi
    COMPREPLY=($(compgen -W "$known" -- "$word"))
}
complete -o default -F _ddfnet ddfnet"""
_ZSH = 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n'


def script(words: Sequence[str], verbs: Iterable[str]) -> str:
    """Return the code that the shell has to source.

    Args:
        words: Words after `--completion`: the name of the shell.
        verbs: Names of all verbs.

    Raises:
        ValueError: an unknown shell, or none.
    """
    if len(words) != 1 or words[0] not in SHELLS:
        raise ValueError(f'--completion: expected {" or ".join(SHELLS)}, got '
                         f'{" ".join(words) or "nothing"}; put this into ~/.bashrc: '
                         'eval "$(ddfnet --completion bash)"')
    filled = _BASH.replace('VERBS', ' '.join(verbs)).replace('NESTED', ' '.join(NESTED))
    return (_ZSH if words[0] == 'zsh' else '') + filled.replace('SHELLS', ' '.join(SHELLS))
