"""One kind of machine: what wheels it takes and how markers evaluate on it."""

from collections.abc import Mapping

from packaging.tags import Tag

from envc.model.value import value


@value(kw_only=True)
class Target:
    """A machine kind, complete: markers and tags follow from the other fields.

    `tags` are ordered from the most to the least preferred; `markers` is the environment of
    PEP 508, `extra` left out.
    """

    name: str
    python: str
    python_full: str
    platform: str
    libc: str
    cpu: str | None
    markers: Mapping[str, str]
    tags: tuple[Tag, ...]


@value(kw_only=True)
class Machine:
    """What the machine that envc runs on is: the default target, and what nodes are held to."""

    interpreter: str
    python_full: str
    platform: str
    libc: str
