# SPDX-License-Identifier: Apache-2.0
"""`ddfnet --completion bash`: what makes the Tab key know verbs and their options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Options come from the verb's own --help, so they are always those of the version that is
# installed; asking takes a second, so a shell asks once per verb.
_BASH = r"""# ddfnet: completion of verbs, options and file names
declare -gA _ddfnet_options
_ddfnet() {
    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} known=
    if [[ $COMP_CWORD == 1 ]]; then
        known='VERBS --help --version --completion'
    elif [[ $word == -* && " VERBS " == *" $verb "* ]]; then
        if [[ -z ${_ddfnet_options[$verb]-} ]]; then
            _ddfnet_options[$verb]=$(ddfnet "$verb" --help 2>/dev/null |
                grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' | grep -oE -- '--.*' | sort -u)
        fi
        known=${_ddfnet_options[$verb]}
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
