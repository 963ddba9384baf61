"""Walking folders of which nothing may be missed."""

import os
from collections.abc import Iterator
from typing import NoReturn


def walk(path: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, to which a folder that cannot be read has nothing in it.

    Raises:
        OSError: a folder cannot be read.
    """
    yield from os.walk(path, onerror=_refuse)


def _refuse(error: OSError) -> NoReturn:
    raise error
