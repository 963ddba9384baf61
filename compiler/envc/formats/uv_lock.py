"""`uv.lock` → what it was made for, and what it pins.

Source: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile; format 1.
"""

import re
from collections.abc import Iterator
from posixpath import join, normpath
from urllib.parse import parse_qsl, urlsplit

from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import Fault, SpecError
from envc.formats.arrival import (
    LockedEntry,
    any_of,
    arrival_of_lock,
    checked_marker,
    entry_name,
    entry_version,
    git_place,
    is_hash,
    is_wheel,
    not_chosen,
    path_place,
    refuse_unknown,
    with_digest,
)
from envc.formats.document import requirement_text
from envc.formats.toml_tree import Tree
from envc.model.arrival import Arrival

_FORMAT = 1
# uv puts the extra that a requirement belongs to behind its own marker.
_OF_EXTRA = re.compile(r"(?:(?P<marker>.+) and )?extra == '(?P<extra>[^']+)'")


def read_uv_lock(
    text: bytes, file: str, folder: str, *, extras: frozenset[str], groups: frozenset[str]
) -> Arrival:
    """What a `uv.lock` in `folder` brings, of its own projects these extras and groups as well.

    Raises:
        SpecError: it is none, or of a newer format.
    """
    tree = Tree.of(text, file)
    if tree.at("version").data != _FORMAT:
        told = tree.at("version").data
        raise tree.at("version").refuse(
            f"uv.lock of format {told!r}; envc reads {_FORMAT}", "make it anew with `uv lock`"
        )
    packages = list(tree.at("package").items())
    own = [each for each in packages if _is_own(each, tree)]
    names = {entry_name(each) for each in own}
    for kind, key, chosen in (
        ("extra", "optional-dependencies", extras),
        ("group", "dev-dependencies", groups),
    ):
        known = [name for each in own for name in each.at(key).table()]
        refuse_unknown(kind, chosen, known, file)
    asked: dict[str, None] = {}
    left_out: list[Fault] = []
    for each in own:
        project = _Project(each, names, extras, groups)
        asked |= dict.fromkeys(project.asked())
        left_out += project.left_out()
    entries = [_entry(each, folder) for each in packages if each not in own]
    python = tree.at("requires-python").text()
    return arrival_of_lock(entries, list(asked) if own else None, left_out=left_out, python=python)


def _is_own(package: Tree, tree: Tree) -> bool:
    """Whether it is what the lock was made for: the project there, or a member of the workspace."""
    members = tree.at("manifest", "members").texts()
    source = package.at("source").table()
    return package.at("name").text() in members or any(
        source[kind].data == "." for kind in ("virtual", "editable", "directory") if kind in source
    )


class _Project:
    """A project that the lock was made for."""

    def __init__(
        self,
        package: Tree,
        own: set[NormalizedName],
        extras: frozenset[str],
        groups: frozenset[str],
    ) -> None:
        self._package = package
        self._own = own
        self._extras = extras
        self._groups = groups

    def asked(self) -> Iterator[str]:
        """What it asks for, as requirements."""
        metadata = self._package.at("metadata")
        if metadata.data is None:  # of a project whose requirements only a build tells
            for each in self._package.at("dependencies").items():
                yield from self._requirement(each, each.at("marker").text(), "extra")
        for each in metadata.at("requires-dist").items():
            marker = each.at("marker").text()
            found = _OF_EXTRA.fullmatch(marker)
            if found is None or canonicalize_name(found["extra"]) in self._extras:
                yield from self._requirement(each, marker if found is None else found["marker"])
        for group, lines in metadata.at("requires-dev").table().items():
            if canonicalize_name(group) in self._groups:
                for each in lines.items():
                    yield from self._requirement(each, each.at("marker").text())

    def _requirement(
        self, line: Tree, marker: str | None, extras_key: str = "extras"
    ) -> Iterator[str]:
        project = entry_name(line)
        if project in self._own:
            return
        extras = ",".join(line.at(extras_key).texts())
        text = f"{line.at('name').text()}{f'[{extras}]' if extras else ''}"
        text += line.at("specifier").text()
        if marker:
            text += f" ; {marker}"
        try:
            yield requirement_text(text)
        except ValueError as error:
            raise line.refuse(str(error)) from error

    def left_out(self) -> Iterator[Fault]:
        """The extras and groups that nobody chose, and the project itself."""
        name = self._package.at("name").text()
        extras = self._package.at("optional-dependencies").table()
        groups = self._package.at("dev-dependencies").table()
        yield from not_chosen("extra", extras, self._extras, of=f" of {name}")
        yield from not_chosen("group", groups, self._groups, of=f" of {name}")
        if not self._package.at("source").has("virtual"):
            yield Fault(
                f"the project {name} itself",
                self._package.line,
                "a user's own project stands in an overlay: `envc overlay add -e DIR`",
            )


def _entry(package: Tree, folder: str) -> LockedEntry:
    source = package.at("source").table()
    files = [*package.at("wheels").items()]
    sdist = package.at("sdist")
    every = [*files, *([sdist] if sdist.data is not None else [])]
    markers = package.at("resolution-markers")
    hashes = tuple(text for each in every if is_hash(text := each.at("hash").text()))
    return LockedEntry(
        project=entry_name(package),
        version=entry_version(package) if package.has("version") else "0",
        where=package.line,
        marker=checked_marker(any_of(markers.texts()), markers) if markers.data else None,
        hashes=hashes,
        place=with_digest(_place(package, source, folder), hashes),
        index=_index(source, folder),
        has_wheel=any(is_wheel(_name(each)) for each in files),
        needs=tuple(_needs(package)),
    )


def _name(file: Tree) -> str:
    return next(filter(None, (file.at(key).text() for key in ("url", "path", "filename"))), "")


def _index(source: dict[str, Tree], folder: str) -> str:
    registry = source["registry"].text() if "registry" in source else ""
    return registry if not registry or "://" in registry else normpath(join(folder, registry))


def _place(package: Tree, source: dict[str, Tree], folder: str) -> str:
    """What a requirement names of it; "": it is one of an index."""
    subdirectory = source["subdirectory"].text() if "subdirectory" in source else ""
    for kind, told in source.items():
        match kind:
            case "registry":
                return ""
            case "url":
                url = told.text()
                return f"{url}#subdirectory={subdirectory}" if subdirectory else url
            case "path" | "directory" | "editable" | "virtual":
                return path_place(normpath(join(folder, told.text())))
            case "git":
                parts = urlsplit(told.text())
                told_there = dict(parse_qsl(parts.query))
                url = parts._replace(query="", fragment="").geturl()
                return git_place(url, parts.fragment, told_there.get("subdirectory", subdirectory))
    raise _unknown(package)


def _unknown(package: Tree) -> SpecError:
    name = package.at("name").text()
    return package.at("source").refuse(f"where {name} comes from is not said in a way envc knows")


def _needs(package: Tree) -> Iterator[NormalizedName]:
    groups = (package.at("dependencies"), *package.at("optional-dependencies").table().values())
    for each in (line for group in groups for line in group.items()):
        yield entry_name(each)
