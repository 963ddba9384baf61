"""`envc check --against`: the same overlays on another state of the site, compared.

The other state is a folder with a site, a git revision of this one, or an inventory: this site on
another state of an environment. An overlay is found in it by its path in the site; one that stands
elsewhere is the same file in both.
"""

import io
import os
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from envc.check import ImpactKind, classify
from envc.commands.check import CheckOptions, check
from envc.disk.durable import disk_error
from envc.disk.untar import untar
from envc.errors import OutsideError, UsageError
from envc.host.context import Context
from envc.model.value import replace
from envc.reports.check import AgainstReport, CheckReport
from envc.sites.overlay_files import specs_of
from envc.sites.place import find_site
from envc.sites.site import Site, load_site

# Where the spec of an overlay is in the other state; None: it is not there.
Placed = Callable[[str], str | None]
KINDS: tuple[ImpactKind, ...] = ("unaffected", "re-lock", "broken", "still-broken", "mended", "new")


def check_against(site: Site, other: str, options: CheckOptions, context: Context) -> CheckReport:
    """The verdicts on the site as it is, and how they differ from those on its other state.

    Raises:
        UsageError: the other state is neither a folder with a site, nor a revision of this one, nor
            an inventory of an environment that it describes.
        OutsideError: an index did not answer, or git cannot be run.
    """
    paths = [os.path.abspath(path) for path in options.specs or specs_of(site)]
    now = check(site, replace(options, specs=tuple(paths)), context)
    with _other_state(site, other) as (before, placed):
        places = {path: placed(path) for path in paths}
        there = {path: place for path, place in places.items() if place is not None}
        if there:
            report = check(before, replace(options, specs=tuple(there.values())), context)
        else:  # to name none would mean all that it has
            report = CheckReport(ok=True, overlays=(), checked=0, reused=0, received_bytes=0)
    earlier = dict(zip(there, report.overlays, strict=True))
    impacts = tuple(
        classify(earlier.get(path), verdict)
        for path, verdict in zip(paths, now.overlays, strict=True)
    )
    counted = Counter(impact.kind for impact in impacts)
    return replace(
        now,
        checked=now.checked + report.checked,
        reused=now.reused + report.reused,
        received_bytes=now.received_bytes + report.received_bytes,
        against=AgainstReport(
            other=other, counts={kind: counted[kind] for kind in KINDS}, overlays=impacts
        ),
    )


def _in_other(site: Site, other: Site, path: str) -> str | None:
    """Where an overlay's spec is in the other state; None: it is not there."""
    inside = os.path.relpath(path, site.folder)
    if inside.startswith(".."):
        return path
    place = os.path.join(other.folder, inside)
    return place if os.path.exists(place) else None


@contextmanager
def _other_state(site: Site, other: str) -> Iterator[tuple[Site, Placed]]:
    """The other state, and where it has the spec of an overlay."""
    if os.path.isfile(other):
        from envc.sites.other_inventory import with_inventory  # most compare two sites

        with with_inventory(site, other) as found:
            yield found
        return
    with _other_site(site, other) as before:
        yield before, partial(_in_other, site, before)


@contextmanager
def _other_site(site: Site, other: str) -> Iterator[Site]:
    if os.path.isdir(other):
        yield load_site(*find_site(other))
        return
    with tempfile.TemporaryDirectory(prefix="envc-check-", ignore_cleanup_errors=True) as folder:
        _unpack(_archive(site.folder, other), folder)
        name = site.spec_name
        if not os.path.exists(f"{folder}/{name}"):
            raise UsageError(
                f"revision {other!r} has no {name} here",
                where=site.folder,
                mend="name a revision that has the site, or a folder with one",
            )
        yield load_site(folder, name, origin=site.origin)


def _archive(folder: str, revision: str) -> bytes:
    """The files of a folder at a git revision, as a tar archive."""
    refused = UsageError(
        f"{revision!r} is neither a folder nor a git revision of this site",
        where=folder,
        mend="name a folder with a site, or a revision such as origin/main",
    )
    if revision.startswith("-"):
        raise refused
    try:
        named = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if named.returncode:
            raise refused
        commit = named.stdout.decode().strip()
        made = _git(folder, "archive", "--format=tar", commit, ".")
    except OSError as error:
        raise OutsideError(
            f"git cannot be run: {error.strerror}",
            mend="install git, or name a folder with --against",
        ) from error
    if made.returncode:
        raise OutsideError(
            f"git cannot give the files of {revision!r}: {made.stderr.decode().strip()}",
            where=folder,
            mend="name a revision that has the site",
        )
    return made.stdout


def _git(folder: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    from envc.build.git import git_environment  # few checks ask git

    return subprocess.run(
        ["git", "-C", folder, *words], capture_output=True, check=False, env=git_environment()
    )


def _unpack(archive: bytes, folder: str) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            untar(tar, folder, len(archive))
    except (OSError, tarfile.TarError) as error:
        trouble = error if isinstance(error, OSError) else OSError(str(error))
        raise disk_error(trouble, "unpack the other state of the site", folder) from error
