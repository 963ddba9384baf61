"""What other tools' locks and lists have in common, on its way to an `Arrival`."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from posixpath import join, normpath
from typing import Literal
from urllib.parse import quote

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from envc.errors import Fault, SpecError, shell_word
from envc.formats.document import project_name, requirement_text
from envc.formats.toml import cut
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival, ArrivedIndex, ArrivedPin
from envc.model.resolution import reach
from envc.model.value import value

_MOST_FAULTS = 100
_OF_EXTRA = re.compile(r"""\bextra\s*[=!]=\s*(?:"[^"]*"|'[^']*')""")
_HASH = re.compile(r"[a-z][a-z0-9_]*:[0-9a-f]{32,128}")


@value(kw_only=True)
class LockedEntry:
    """An entry of another tool's lock.

    `place` is set for what comes from no index: the URL, path or repository as a requirement has
    it. `index` is the URL of an index that the entry names. `needs` are the projects it leads to.
    """

    project: NormalizedName
    version: str
    where: str
    marker: str | None = None
    hashes: tuple[str, ...] = ()
    place: str = ""
    index: str = ""
    has_wheel: bool = True
    needs: tuple[NormalizedName, ...] = ()


def arrival_of_lock(
    entries: Sequence[LockedEntry],
    asked: Sequence[str] | None,
    *,
    left_out: Iterable[Fault] = (),
    python: str = "",
) -> Arrival:
    """What a lock brings; `asked` are requirements, None: whatever nothing else leads to."""
    if asked is None:
        asked = [*dict.fromkeys(_roots(entries))]
    projects = {canonicalize_name(Requirement(text).name) for text in asked}
    reached = _reached(entries, projects)
    named = {each.project: each for each in entries if each.place and each.project in reached}
    pins, double = _pins(each for each in entries if not each.place)
    return Arrival(
        requires=tuple(_requires(asked, named)),
        pins=pins,
        indexes=_indexes(entries),
        has_default=not any(each.index for each in entries)
        or any(not each.index and not each.place for each in entries),
        builds=any(
            not each.has_wheel or needs_build(each.place)
            for each in entries
            if each.project in reached
        ),
        python=python,
        left_out=(*left_out, *double),
    )


def _roots(entries: Sequence[LockedEntry]) -> Iterator[str]:
    needed = set(chain.from_iterable(each.needs for each in entries))
    yield from (each.project for each in entries if each.project not in needed)


def _reached(
    entries: Iterable[LockedEntry], projects: Collection[NormalizedName]
) -> frozenset[NormalizedName]:
    """The projects that these lead to, and they themselves."""
    needs: dict[NormalizedName, list[NormalizedName]] = {}
    for each in entries:
        needs.setdefault(each.project, []).extend(each.needs)
    return reach(projects, needs)


def _requires(asked: Iterable[str], named: dict[NormalizedName, LockedEntry]) -> Iterator[str]:
    """What is asked for, and what comes from no index, as only requirements can say that."""
    left = dict(named)
    for text in asked:
        requirement = Requirement(text)
        entry = named.get(canonicalize_name(requirement.name))
        if entry is None:
            yield text
            continue
        left.pop(entry.project, None)
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        yield placed(f"{requirement.name}{extras}", entry.place, requirement.marker)
    for entry in left.values():
        yield placed(entry.project, entry.place, entry.marker)


def placed(name: str, place: str, marker: Marker | str | None) -> str:
    """The requirement of a project (with its extras) that comes from a place."""
    return f"{name} @ {place} ; {marker}" if marker else f"{name} @ {place}"


def _pins(entries: Iterable[LockedEntry]) -> tuple[tuple[ArrivedPin, ...], list[Fault]]:
    """The pins; and those that nothing tells apart, of which none can be kept."""
    found: dict[tuple[NormalizedName, str | None], dict[str, LockedEntry]] = {}
    for each in entries:
        found.setdefault((each.project, each.marker), {}).setdefault(each.version, each)
    double = [
        Fault(
            f"{project} is pinned to {', '.join(versions)}, and no marker tells where",
            next(iter(versions.values())).where,
            "the first `envc lock` chooses one; a constraint says which",
        )
        for (project, _), versions in found.items()
        if len(versions) > 1
    ]
    pins = (
        ArrivedPin(
            project=each.project,
            version=each.version,
            where=each.where,
            marker=each.marker,
            hashes=each.hashes,
        )
        for versions in found.values()
        if len(versions) == 1
        for each in versions.values()
    )
    return tuple(pins), double


def _indexes(entries: Iterable[LockedEntry]) -> tuple[ArrivedIndex, ...]:
    by_url: dict[str, list[LockedEntry]] = {}
    for each in entries:
        if each.index:
            by_url.setdefault(each.index, []).append(each)
    return tuple(
        ArrivedIndex(
            place=url, where=its[0].where, projects=tuple(dict.fromkeys(e.project for e in its))
        )
        for url, its in by_url.items()
    )


def entry_name(tree: Tree) -> NormalizedName:
    """The project that an entry of a lock names.

    Raises:
        SpecError: it names none.
    """
    try:
        return NormalizedName(project_name(tree.at("name").text()))
    except ValueError as error:
        raise tree.refuse(str(error)) from error


def entry_version(tree: Tree) -> str:
    """The version that an entry of a lock names.

    Raises:
        SpecError: it names none.
    """
    text = tree.at("version").text()
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise tree.at("version").refuse(f"{text!r} is not a version") from error


def checked_marker(text: str, tree: Tree) -> str | None:
    """A marker that has an answer on every machine, whatever extras there are; None for none.

    Raises:
        SpecError: it is not one.
    """
    if not text:
        return None
    marker = _OF_EXTRA.sub('python_version >= "0"', text)
    if not has_answer(marker):
        raise tree.refuse(f"the marker {cut(text)!r} has no answer")
    return marker


def has_answer(marker: str) -> bool:
    """Whether a marker can be asked on any machine, as that of a lock's pin is."""
    try:
        requirement_text(f"it ; {marker}")
        Marker(marker).evaluate(context="lock_file")
    except (InvalidMarker, ValueError, KeyError):
        return False
    return True


def any_of(markers: Sequence[str]) -> str:
    """The marker that holds where one of these does."""
    return markers[0] if len(markers) == 1 else " or ".join(f"({each})" for each in markers)


def is_hash(text: str) -> bool:
    """Whether a text is the hash of a file: an algorithm, a colon and digits."""
    return _HASH.fullmatch(text) is not None


def is_wheel(name: str) -> bool:
    """Whether a file's name, or the URL that ends in it, is a wheel's."""
    return name.partition("#")[0].partition("?")[0].endswith(".whl")


def needs_build(place: str) -> bool:
    """Whether what a requirement names by its place has to be built."""
    return bool(place) and not is_wheel(place)


def project_of_file(name: str) -> NormalizedName | None:
    """The project of a wheel or source distribution by the file's name; None: it is none."""
    try:
        return parse_wheel_filename(name)[0] if is_wheel(name) else parse_sdist_filename(name)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def path_place(path: str) -> str:
    """An absolute path as a requirement names it."""
    return f"file://{quote(path)}"


def with_digest(place: str, hashes: Collection[str]) -> str:
    """A file's URL with its sha256, where that is the only hash and there is room for it."""
    digests = [each.removeprefix("sha256:") for each in hashes if each.startswith("sha256:")]
    is_bare = place.startswith(("https:", "http:")) and "#" not in place
    return f"{place}#sha256={digests[0]}" if is_bare and len(digests) == 1 else place


def git_place(url: str, commit: str, subdirectory: str = "") -> str:
    """A repository at a commit as a requirement names it."""
    at = f"@{commit}" if commit else ""
    return f"git+{url.removeprefix('git+')}{at}" + (
        f"#subdirectory={subdirectory}" if subdirectory else ""
    )


def source_place(table: Tree, folder: str) -> str:
    """Where a table of uv or poetry says that a project comes from; "": from an index."""
    if table.has("git"):
        kinds = ("rev", "tag", "branch")
        reference = next((told for key in kinds if (told := table.at(key).text())), "")
        return git_place(table.at("git").text(), reference, table.at("subdirectory").text())
    if table.has("path"):
        return path_place(normpath(join(folder, table.at("path").text())))
    return table.at("url").text()


def refuse_unknown(kind: str, chosen: Collection[str], known: Iterable[str], where: str) -> None:
    """Refuse extras or groups that somebody chose and that are not there.

    Raises:
        SpecError: there are some.
    """
    names = {canonicalize_name(each): each for each in known}
    there = f"use {', '.join(sorted(names.values()))}" if names else f"leave --{kind} out"
    refuse_all(
        [
            Fault(f"there is no {kind} {each!r} here", where, there)
            for each in sorted(chosen)
            if each not in names
        ]
    )


def refuse_all(faults: Sequence[Fault]) -> None:
    """Refuse a file that has faults.

    Raises:
        SpecError: it has; with the first hundred.
    """
    if faults:
        raise SpecError.of(faults[:_MOST_FAULTS])


def not_chosen(
    kind: Literal["extra", "group"],
    known: Mapping[str, Tree],
    chosen: Collection[str],
    *,
    of: str = "",
) -> Iterator[Fault]:
    """The extras or groups that nobody chose; `of` says of what they are."""
    for name, told in known.items():
        if canonicalize_name(name) not in chosen:
            mend = f"take it with --{kind} {shell_word(name)}"
            yield Fault(f"the {kind} {name}{of}", told.line, mend)
