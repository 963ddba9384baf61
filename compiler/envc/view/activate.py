"""`bin/activate`: makes a tree the one that a shell uses, for sh, bash, zsh and ksh."""

from collections.abc import Iterator
from shlex import quote

from envc.formats.scripts import NO_PIP, SYSTEM_PATH
from envc.model.manifest import FILE_MODE
from envc.model.plan import WriteFile
from envc.model.stack import Stack

# The names that `venv` uses are kept, so that leaving one kind of environment for the other works.
_SCRIPT = """\
# Read this file with `.` (or `source`); `deactivate` undoes what it does.

if [ -n "${{_ENVC_ACTIVE-}}" ]; then
    deactivate nondestructive
fi

deactivate () {{
    if [ -n "${{_OLD_VIRTUAL_PATH+x}}" ]; then
        PATH=$_OLD_VIRTUAL_PATH
        export PATH
        unset _OLD_VIRTUAL_PATH
    fi
    if [ -n "${{_OLD_VIRTUAL_PYTHONHOME+x}}" ]; then
        PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    if [ -n "${{_OLD_VIRTUAL_PS1+x}}" ]; then
        PS1=$_OLD_VIRTUAL_PS1
        unset _OLD_VIRTUAL_PS1
    fi
    if [ -n "${{_ENVC_ACTIVE-}}" ]; then
        unset _ENVC_ACTIVE
{restore}    fi
    if [ -n "${{_ENVC_PIP-}}" ]; then
        unset _ENVC_PIP
        unset -f pip
    fi
    hash -r 2>/dev/null || :
    unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    if [ "${{1-}}" != nondestructive ]; then
        unset -f deactivate
    fi
}}

_envc_file=
if [ -n "${{BASH_VERSION-}}" ]; then
    _envc_file=$BASH_SOURCE
elif [ -n "${{ZSH_VERSION-}}" ]; then
    eval '_envc_file=${{(%):-%x}}'
elif [ -n "${{KSH_VERSION-}}" ]; then
    eval '_envc_file=${{.sh.file}}'
else
    # Other shells do not say which file they read; the kernel knows what they have open.
    _envc_shell=$(exec /bin/sh -c 'echo "$PPID"')
    for _envc_open in "/proc/$_envc_shell/fd/"*; do
        _envc_found=$({path}; readlink "$_envc_open") || continue
        case $_envc_found in
            */bin/activate) _envc_file=$_envc_found ;;
        esac
    done
    unset _envc_shell _envc_open _envc_found
fi
case $_envc_file in
    */*) ;;
    *) _envc_file=./$_envc_file ;;
esac

if [ -x "${{_envc_file%/*}}/python" ]; then
    deactivate nondestructive
    VIRTUAL_ENV=$(CDPATH= cd -- "${{_envc_file%/*}}/.." && pwd)
    VIRTUAL_ENV_PROMPT={name}
    export VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    _OLD_VIRTUAL_PATH=$PATH
    PATH=$VIRTUAL_ENV/bin:$PATH
    export PATH
    if [ -n "${{PYTHONHOME+x}}" ]; then
        _OLD_VIRTUAL_PYTHONHOME=$PYTHONHOME
        unset PYTHONHOME
    fi
    if [ -n "${{PS1+x}}" ] && [ -z "${{VIRTUAL_ENV_DISABLE_PROMPT-}}" ]; then
        _OLD_VIRTUAL_PS1=$PS1
        PS1="($VIRTUAL_ENV_PROMPT) $PS1"
    fi
    _ENVC_ACTIVE=1
    # Without this, another Python's pip would install where nobody looks.
    if [ ! -x "$VIRTUAL_ENV/bin/pip" ] && ! alias pip >/dev/null 2>&1; then
        _ENVC_PIP=1
        eval 'pip () {{ echo "envc: {no_pip}" >&2; return 127; }}'
    fi
{set}    hash -r 2>/dev/null || :
else
    unset -f deactivate
    echo "envc: this shell does not tell where the activate script is; use bash or zsh" >&2
fi
unset _envc_file
"""

_SET = """\
    if [ -n "${{{name}+x}}" ]; then
        _ENVC_OLD_{name}=${name}
    fi
    {name}={value}
    export {name}
"""

_RESTORE = """\
        if [ -n "${{_ENVC_OLD_{name}+x}}" ]; then
            {name}=$_ENVC_OLD_{name}
            unset _ENVC_OLD_{name}
        else
            unset {name}
        fi
"""


def activate_script(
    stack: Stack,
    taken: frozenset[str],  # noqa: ARG001 - every pass is told; this name is envc's alone
) -> Iterator[WriteFile]:
    """The script, which finds itself by its own path and sets the stack's environment."""
    env = dict(stack.env)
    text = _SCRIPT.format(
        path=SYSTEM_PATH,
        name=quote(stack.top.name),
        no_pip=NO_PIP,
        set="".join(_SET.format(name=name, value=quote(value)) for name, value in env.items()),
        restore="".join(_RESTORE.format(name=name) for name in env),
    )
    yield WriteFile("bin/activate", text.encode(), FILE_MODE)
