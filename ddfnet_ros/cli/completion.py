# SPDX-License-Identifier: Apache-2.0
"""`ddfnet --completion bash`: what makes the Tab key know verbs, options and choices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Options and their choices come from the verb's own --help, so they are always those of the
# version that is installed; asking takes a second, so a shell asks once per verb, and not for the
# names of files.
_BASH = r"""# ddfnet: completion of verbs, options, their choices, and file names
declare -gA _ddfnet_help
_ddfnet() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    local known=
    if [[ $COMP_CWORD == 1 ]]; then
        known='VERBS --help --version --completion'
    elif [[ " VERBS " == *" $verb "* && ( $word == -* || $before == --* ) ]]; then
        [[ -n ${_ddfnet_help[$verb]-} ]] ||
            _ddfnet_help[$verb]=$(ddfnet "$verb" --help 2>/dev/null)
        if [[ $word == -* ]]; then
            known=$(grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' <<< "${_ddfnet_help[$verb]}" |
                grep -oE -- '--.*' | sort -u)
        else
            known=$(grep -oE -- "$before [{]?[a-zA-Z0-9_/-]+([|,][a-zA-Z0-9_/-]+)+" \
                <<< "${_ddfnet_help[$verb]}" | grep -oE -- '[a-z0-9_/-]+' | grep -v -- "^--")
        fi
    fi
    COMPREPLY=($(compgen -W "$known" -- "$word"))
}
complete -o default -F _ddfnet ddfnet"""


def script(words: Sequence[str], verbs: Iterable[str]) -> str:
    """Code for the shell to source.

    Args:
        words: What follows `--completion`: the name of the shell.
        verbs: All verbs.

    Raises:
        ValueError: another shell, or none.
    """
    if list(words) != ['bash']:
        raise ValueError(f'--completion: expected bash, got {" ".join(words) or "nothing"}; '
                         'put this into ~/.bashrc: eval "$(ddfnet --completion bash)"')
    return _BASH.replace('VERBS', ' '.join(verbs))
