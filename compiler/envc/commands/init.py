"""`envc init`: a spec to start a site from, commented or made of what somebody has."""

import os
import re
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from envc.disk.durable import disk_error, write_file
from envc.errors import Fault, UsageError
from envc.formats.envc_toml import TEMPLATE
from envc.model.python import running_python
from envc.reports.init import InitFromReport, InitReport
from envc.sites.place import SPEC_NAME, spec_in

if TYPE_CHECKING:
    from envc.arrivals import Chosen
    from envc.model.arrival import Arrival

# The common layer that gets what somebody comes with.
_LAYER = "user"
_PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")


def init_site(folder: str) -> InitReport:
    """A new `envc.toml` in `folder`, which is made if need be; the site is named after it.

    Raises:
        UsageError: there is a site already.
    """
    path = _new_place(folder)
    text = TEMPLATE.format(name=_name_for(path), python=running_python()).encode()
    _write({path: text})
    return InitReport(path=path)


def init_site_from(folder: str, sources: Sequence[str], chosen: "Chosen") -> InitFromReport:
    """A new `envc.toml` in `folder` that asks for what stands at `sources`, and their pins.

    Raises:
        UsageError: there is a site already; or a source is not there, or nothing envc reads.
        SpecError: with the faults of a source.
    """
    from envc.arrivals import as_built, left_out_of, read_arrival
    from envc.arrivals.indexes import spec_indexes
    from envc.formats.arrived_spec import ArrivedSite, arrived_site_text
    from envc.formats.envc_toml import read_site
    from envc.formats.pins import pins_to_text

    path = _new_place(folder)
    pins = _new_pins(os.path.dirname(path))
    arrival = as_built(read_arrival(sources, chosen))
    indexes = spec_indexes(arrival)
    python, interpreter, unmet = _python_for(arrival)
    site = ArrivedSite(
        name=_name_for(path),
        python=python,
        interpreter=interpreter,
        indexes=indexes.indexes,
        sources=indexes.sources,
    )
    named = ", ".join(sources)
    text = arrived_site_text(site, arrival, _LAYER, named)
    read_site(text, path)
    files = {path: text}
    if arrival.pins:
        files[pins] = pins_to_text(arrival.pins, named)
    _write(files)
    return InitFromReport(
        path=path,
        requires=arrival.requires,
        constraints=arrival.constraints,
        pins=tuple(
            f"{pin.project}=={pin.version}{f' ; {pin.marker}' if pin.marker else ''}"
            for pin in arrival.pins
        ),
        pins_path=pins if arrival.pins else "",
        left_out=left_out_of((*arrival.left_out, *indexes.left_out, *unmet)),
    )


def _new_place(folder: str) -> str:
    """The path of a new spec in a folder.

    Raises:
        UsageError: there is a site already.
    """
    folder = os.path.abspath(folder)
    path = f"{folder}/{SPEC_NAME}"
    if os.path.lexists(path) or spec_in(folder) is not None:
        raise UsageError(
            "there is a site already",
            where=f"{folder}/{spec_in(folder) or SPEC_NAME}",
            mend="edit it, or start in another folder",
        )
    return path


def _new_pins(folder: str) -> str:
    """The path of a new file of pins in a folder.

    Raises:
        UsageError: there is one already, or a lock.
    """
    from envc.model.names import lock_file_name, pins_file_name

    pins = f"{folder}/{pins_file_name(_LAYER)}"
    for other in (pins, f"{folder}/{lock_file_name(_LAYER)}"):
        if os.path.lexists(other):
            mend = "move it away, or start in another folder: `envc init DIR --from …`"
            raise UsageError("a layer's pins stand here already", where=other, mend=mend)
    return pins


def _name_for(path: str) -> str:
    folder = os.path.basename(os.path.dirname(path))
    return re.sub(r"[^a-z0-9_-]+", "-", folder.lower()).strip("-_") or "site"


def _python_for(arrival: "Arrival") -> tuple[str, str | None, tuple[Fault, ...]]:
    """The X.Y that an arrival is for, and where it is; None: it is the one that runs envc.

    Where none of it is here, it is the one that runs envc as well, and that is to be said.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(arrival.python)
    except InvalidSpecifier:
        wanted = SpecifierSet()
    running = running_python()
    for python in (running, *_PYTHONS):
        is_wanted = any(wanted.contains(f"{python.rstrip('t')}.{n}") for n in (0, 99))
        if is_wanted and python == running:
            return python, None, ()
        found = shutil.which(f"python{python}") if is_wanted else None
        if found is not None:
            return python, os.path.realpath(found), ()
    told = Fault(
        f"Python {arrival.python}, which is not here",
        "",
        "set core.python, and core.interpreter to one; what is pinned may not fit another",
    )
    return running, None, (told,)


def _write(files: dict[str, bytes]) -> None:
    for path, text in reversed(files.items()):  # the spec last: it says that this is a site
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_file(path, text)
        except OSError as error:
            raise disk_error(error, "write the spec", path) from error
