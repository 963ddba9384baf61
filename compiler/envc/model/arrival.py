"""What somebody comes with from another tool: what was asked for, what was pinned, what is left."""

from collections.abc import Iterable
from itertools import chain

from packaging.utils import NormalizedName

from envc.errors import Fault
from envc.model.value import value


@value(kw_only=True)
class ArrivedPin:
    """A release that another tool had chosen, on the machines that `marker` names (None: on all).

    `hashes` are of all its files that may be taken, as `algorithm:digits`; none: any. `where` is
    the line that says so.
    """

    project: NormalizedName
    version: str
    where: str
    marker: str | None = None
    hashes: tuple[str, ...] = ()


@value
class ArrivedPins:
    """The pins that a first lock starts from, and the file that has them; "": they are in none."""

    pins: tuple[ArrivedPin, ...]
    path: str = ""


@value(kw_only=True)
class ArrivedIndex:
    """An index by its URL, or a folder of wheels by its absolute path; what comes from it alone."""

    place: str
    where: str
    projects: tuple[NormalizedName, ...] = ()


@value(kw_only=True)
class ArrivedFolder:
    """A project's folder (absolute) that a line names; what it is called only the folder tells."""

    path: str
    where: str
    is_editable: bool
    extras: str = ""
    marker: str = ""


@value(kw_only=True)
class Arrival:
    """Requirements and constraints as texts, pins, and what envc has no place for.

    `has_default` tells whether the ecosystem's index is among the indexes. `python` is a specifier
    of the Pythons that it is for, "" where nobody said.
    """

    requires: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    pins: tuple[ArrivedPin, ...] = ()
    indexes: tuple[ArrivedIndex, ...] = ()
    has_default: bool = True
    folders: tuple[ArrivedFolder, ...] = ()
    no_binary: tuple[NormalizedName, ...] = ()
    prereleases: bool = False
    builds: bool = False
    python: str = ""
    left_out: tuple[Fault, ...] = ()


def together(arrivals: Iterable[Arrival]) -> Arrival:
    """Several sources as one, each text once, in their order."""
    found = list(arrivals)
    return Arrival(
        requires=tuple(dict.fromkeys(chain.from_iterable(each.requires for each in found))),
        constraints=tuple(dict.fromkeys(chain.from_iterable(each.constraints for each in found))),
        pins=tuple(dict.fromkeys(chain.from_iterable(each.pins for each in found))),
        indexes=tuple(dict.fromkeys(chain.from_iterable(each.indexes for each in found))),
        has_default=all(each.has_default for each in found),
        folders=tuple(dict.fromkeys(chain.from_iterable(each.folders for each in found))),
        no_binary=tuple(dict.fromkeys(chain.from_iterable(each.no_binary for each in found))),
        prereleases=any(each.prereleases for each in found),
        builds=any(each.builds for each in found),
        python=",".join(dict.fromkeys(each.python for each in found if each.python)),
        left_out=tuple(dict.fromkeys(chain.from_iterable(each.left_out for each in found))),
    )
