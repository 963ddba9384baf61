"""What a target or an overlay's folder needs to become what it is wanted to be, and why.

The one place that decides whether there is anything to do: for `materialize`, for nodes in a
roll-out, for `converge` and for `envc overlay sync`.
"""

from collections.abc import Mapping
from typing import NamedTuple

# What a generation is made from: a label → a digest, a path or a stamp.
Inputs = Mapping[str, str]


class Present(NamedTuple):
    """What stands in a folder now.

    `generation` is the number of a current one that is whole, None where there is none. `inputs`
    are what it was made from, empty where nobody has noted that. `links` are the names that people
    use, each with where it leads; `owed` are those that belong there.
    """

    generation: int | None
    inputs: Inputs
    links: Mapping[str, str]
    owed: Mapping[str, str]


class Changes(NamedTuple):
    """What is to be done. `build` says why the generation has to be looked at anew, if it has.

    `restore` are names that lead nowhere or astray, `remove` those that belong to nothing any more;
    in order.
    """

    build: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.build or self.restore or self.remove)


def changes_between(wanted: Inputs, present: Present) -> Changes:
    """What turns the present into the wanted; false where there is nothing to do.

    Only the wanted labels count: what was not asked for carries over.
    """
    if present.generation is None:
        return Changes(build=("nothing is built here",))
    if not present.inputs:
        return Changes(build=("what it was made from is not known",))
    other = [label for label, text in wanted.items() if present.inputs.get(label) != text]
    return Changes(
        build=tuple(f"another {label}" for label in sorted(other)),
        **link_changes(present.links, present.owed),
    )


def link_changes(links: Mapping[str, str], owed: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Which links to restore, and which to remove."""
    return {
        "restore": tuple(name for name in sorted(owed) if links.get(name) != owed[name]),
        "remove": tuple(sorted(links.keys() - owed.keys())),
    }
