"""A Python as one word: `3.13`, or `3.13t` for the free-threaded build; `3.13.5t` is one of them.

The two builds of a version share its language, its standard library and its bytecode, but neither
compiled modules nor the folder that projects stand in.
"""

import sys

_FREE_THREADED = "t"


def python_of(full: str) -> str:
    """The X.Y of a full version, with its `t`."""
    return version_of(full).rpartition(".")[0] + full[len(version_of(full)) :]


def version_of(python: str) -> str:
    """The version alone, as markers and specifiers have it."""
    return python.removesuffix(_FREE_THREADED)


def minor_of(python: str) -> int:
    """The Y of an X.Y."""
    return int(version_of(python).partition(".")[2])


def is_free_threaded(python: str) -> bool:
    """Whether it is that build."""
    return python.endswith(_FREE_THREADED)


def running_python_full() -> str:
    """The full version of the interpreter that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    return version + _FREE_THREADED * (_FREE_THREADED in sys.abiflags)


def running_python() -> str:
    """The X.Y of the interpreter that runs this."""
    return python_of(running_python_full())
