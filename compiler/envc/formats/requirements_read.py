"""`requirements.txt` and `constraints.txt`, as pip reads them → what they ask for and pin.

`packaging` reads the requirements; here is what pip puts around them: options, hashes, places,
files that name other files. How lines are told apart: `requirement_lines`.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import basename, join, normpath
from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.errors import Fault, SpecError
from envc.formats.arrival import (
    git_place,
    has_answer,
    is_hash,
    needs_build,
    path_place,
    placed,
    project_of_file,
    refuse_all,
    with_digest,
)
from envc.formats.document import requirement_text
from envc.formats.requirement_lines import Line, lines_of_requirements, options_of
from envc.formats.toml import cut
from envc.formats.values import FormError
from envc.model.arrival import Arrival, ArrivedFolder, ArrivedIndex, ArrivedPin
from envc.model.value import value

# Where the options of a line begin.
_OPTIONS = re.compile(r"(?:^|\s)(?=--?[A-Za-z])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BOUND_IN = re.compile(r"-c\s+\S+")
# What a compiled file says of a line that somebody asked for himself: the file where he did.
_ASKED_IN = re.compile(r"(?:-r\s+)?\(?([^\s(),]*\.(?:in|txt|toml|cfg|py))\b\)?")
_EXTRAS = re.compile(r"(?P<place>.*?)(?P<extras>\[[A-Za-z0-9._, -]*\])?")
_MARKER = re.compile(r"\s+;\s*|;\s+")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
# Of all files together that name each other.
_MOST_FILES = 100

# What changes nothing: envc compares every hash there is, takes wheels first, and asks no server
# that it would have to trust blindly.
_AS_EVER = {"--require-hashes", "--prefer-binary", "--no-color", "--disable-pip-version-check"}


@value(kw_only=True)
class RequirementsFile:
    """What a file says. `includes` are files that it names: as what, their path, who says so.

    Where it was compiled, `compiled_from` are the files (as it names them) with what was asked for,
    `asked` its own lines that stood in one of them: all it says of those that are not there.
    """

    arrival: Arrival
    includes: tuple[tuple[str, str, str], ...] = ()
    compiled_from: tuple[str, ...] = ()


class RequirementsReader:
    """Reads files that name each other; `read_file` gives the bytes at a path.

    `folder` of a file is where relative paths start from.
    """

    def __init__(self, read_file: Callable[[str, str], bytes], shown: Callable[[str], str]) -> None:
        self._read_file = read_file
        self._shown = shown
        self._seen: set[tuple[str, bool]] = set()

    def read(
        self, path: str, *, is_constraints: bool = False, where: str = ""
    ) -> list[RequirementsFile]:
        """What the file at a path says, and those that it names, in order.

        Raises:
            SpecError: with every fault of a file; or there are too many.
        """
        if (path, is_constraints) in self._seen:
            return []
        self._seen.add((path, is_constraints))
        if len(self._seen) > _MOST_FILES:
            what = f"more than {_MOST_FILES} files of requirements name each other"
            raise SpecError(what, where=where, mend="put them into fewer")
        found = requirements_file(
            text_of(self._read_file(path, where), self._shown(path)),
            self._shown(path),
            path.rpartition("/")[0],
            is_constraints=is_constraints,
        )
        return [found, *self._included(found)]

    def _included(self, found: RequirementsFile) -> Iterator[RequirementsFile]:
        for kind, path, where in found.includes:
            yield from self.read(path, is_constraints=kind == "constraint", where=where)


def text_of(content: bytes, file: str) -> str:
    """The text of a file that people wrote.

    Raises:
        SpecError: it is not UTF-8, or has a NUL.
    """
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise SpecError("no text has a NUL character", where=f"{file}:{line}", mend="remove it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"not UTF-8 at byte {error.start}", where=file, mend="save the file as UTF-8"
        ) from error


def requirements_file(
    text: str, file: str, folder: str, *, is_constraints: bool = False
) -> RequirementsFile:
    """What a file in `folder` says.

    Raises:
        SpecError: with every fault.
    """
    lines = list(lines_of_requirements(text))
    return requirement_lines(lines, file, folder, is_constraints=is_constraints)


def requirements_in(lines: Sequence[tuple[str, int]], file: str, folder: str) -> RequirementsFile:
    """What lines say that stand in another file, each with its number there.

    Raises:
        SpecError: with every fault.
    """
    found = [Line(text, number, None) for text, number in lines]
    return requirement_lines(found, file, folder, is_constraints=False)


def requirement_lines(
    lines: Sequence[Line], file: str, folder: str, *, is_constraints: bool
) -> RequirementsFile:
    """What these lines of a file say."""
    reader = _Reader(file, folder, is_constraints=is_constraints)
    reader.is_compiled = any(line.via is not None for line in lines)
    names = (_NAME.match(line.text) for line in lines)
    reader.projects = {canonicalize_name(name[0]) for name in names if name is not None}
    for line in lines:
        reader.take(line)
    refuse_all(reader.faults)
    return reader.found()


class _Reader:
    """Takes line after line."""

    def __init__(self, file: str, folder: str, *, is_constraints: bool) -> None:
        self._file = file
        self._folder = folder
        self._is_constraints = is_constraints
        self.is_compiled = False
        self.projects: set[NormalizedName] = set()
        self.faults: list[Fault] = []
        self._asked: list[str] = []
        self._pins: list[ArrivedPin] = []
        self._indexes: list[ArrivedIndex] = []
        self._has_default = True
        self._folders: list[ArrivedFolder] = []
        self._no_binary: list[NormalizedName] = []
        self._prereleases = False
        self._builds = False
        self._left_out: list[Fault] = []
        self._includes: list[tuple[str, str, str]] = []
        self._compiled_from: dict[str, None] = {}

    def found(self) -> RequirementsFile:
        """What all lines say."""
        asked = tuple(dict.fromkeys(self._asked))
        arrival = Arrival(
            requires=() if self._is_constraints else asked,
            constraints=asked if self._is_constraints else (),
            pins=tuple(self._pins),
            indexes=tuple(self._indexes),
            has_default=self._has_default,
            folders=tuple(self._folders),
            no_binary=tuple(self._no_binary),
            prereleases=self._prereleases,
            builds=self._builds,
            left_out=tuple(self._left_out),
        )
        return RequirementsFile(
            arrival=arrival,
            includes=tuple(self._includes),
            compiled_from=tuple(self._compiled_from),
        )

    def take(self, line: Line) -> None:
        """Take a line in."""
        where = f"{self._file}:{line.number}"
        begin = _OPTIONS.search(line.text)
        bare = line.text if begin is None else line.text[: begin.start()]
        try:
            options = options_of(line.text[len(bare) :])
        except ValueError as error:
            self._fault(where, f"{cut(line.text)!r} cannot be read: {error}")
            return
        if _VARIABLE.search(line.text):
            self._leave(where, f"{bare or line.text}: it holds a variable", "write it out")
        elif bare.strip():
            self._take_requirement(bare.strip(), options, line, where)
        else:
            for name, given in options:
                self._take_option(name, given, where)

    def _fault(self, where: str, what: str, mend: str = "correct it") -> None:
        self.faults.append(Fault(cut(what), where, mend))

    def _leave(self, where: str, what: str, mend: str) -> None:
        self._left_out.append(Fault(cut(what), where, mend))

    def _take_requirement(
        self, text: str, options: list[tuple[str, str]], line: Line, where: str
    ) -> None:
        hashes = [given.lower() for name, given in options if name == "--hash"]
        for name, given in options:
            if name != "--hash":
                told = f"{name}{f' {given}' if given else ''} of {text}"
                self._leave(where, told, "envc has no options of one project's build")
        for given in hashes:
            if not is_hash(given):
                self._fault(where, f"{given!r} is no hash, such as sha256:…")
        if _is_place(text):
            self._take_place(text, hashes, where, is_editable=False)
            return
        requirement = self._requirement(text, where)
        if requirement is None:
            return
        if requirement.url is not None:
            self._take_url(requirement, hashes, where)
            return
        version = _exact(requirement)
        if version is not None:
            self._pin(requirement, version, hashes, where)
        elif hashes:
            self._leave(where, f"the hashes of {text}", "they hold for one release: pin it with ==")
        self._ask(requirement, line)

    def _requirement(self, text: str, where: str) -> Requirement | None:
        try:
            return Requirement(requirement_text(text))
        except FormError as error:
            for flaw in error.flaws:
                self._fault(where, flaw.what, flaw.mend)
            return None

    def _ask(self, requirement: Requirement, line: Line) -> None:
        """Ask for it; in a compiled file, only for what somebody had asked for, without the pin."""
        if not self.is_compiled or self._is_constraints:
            self._asked.append(str(requirement))
            return
        via = _BOUND_IN.sub("", line.via or "")
        files = _ASKED_IN.findall(via)
        others = {canonicalize_name(name) for name in _NAME.findall(via)}
        if line.via is None or files or others - self.projects:
            told = files or ([] if line.via is None else ["pyproject.toml"])
            self._compiled_from |= dict.fromkeys(told)
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            marker = f" ; {requirement.marker}" if requirement.marker is not None else ""
            self._asked.append(f"{requirement.name}{extras}{marker}")

    def _pin(self, requirement: Requirement, version: str, hashes: list[str], where: str) -> None:
        self._pins.append(
            ArrivedPin(
                project=canonicalize_name(requirement.name),
                version=version,
                where=where,
                marker=str(requirement.marker) if requirement.marker is not None else None,
                hashes=tuple(hashes),
            )
        )

    def _hashed(self, place: str, hashes: list[str], where: str) -> str:
        """A place with the hash of its file; of what has room for none, that is said."""
        hashed = with_digest(place, hashes)
        if hashes and hashed == place:
            mend = "put the sha256 of the one file behind its URL: #sha256=…"
            self._leave(where, f"the hashes of {place}", mend)
        return hashed

    def _take_url(self, requirement: Requirement, hashes: list[str], where: str) -> None:
        url = requirement.url or ""
        if self._is_constraints:
            told = f"the constraint {requirement}"
            self._leave(where, told, "only requirements name a place: put it under requires")
            return
        if url.startswith(("./", "../", "/")):
            url = path_place(normpath(join(self._folder, url)))
        requirement.url = self._hashed(url, hashes, where)
        self._builds |= needs_build(url)
        self._asked.append(str(requirement))

    def _take_place(self, text: str, hashes: list[str], where: str, *, is_editable: bool) -> None:
        """A line that names a file, a folder or a repository and not the project."""
        text, _, marker = (part.strip() for part in _MARKER.sub("\0", text, 1).partition("\0"))
        if marker and not has_answer(marker):
            self._fault(where, f"the marker {marker!r} has no answer")
            return
        parts = _EXTRAS.fullmatch(text)
        place, extras = (parts["place"], parts["extras"] or "") if parts else (text, "")
        is_local = "://" not in place or place.startswith("file:")
        path = self._path(place) if is_local else ""
        if is_local and project_of_file(basename(path)) is None:
            folder = ArrivedFolder(
                path=path, where=where, is_editable=is_editable, extras=extras, marker=marker
            )
            self._folders.append(folder)
            return
        if is_editable:
            mend = "clone it, and `envc overlay add -e DIR`, to edit it in an overlay"
            self._leave(where, f"that {text} can be edited", mend)
        name, place = _file_or_repository(path_place(path) if is_local else place)
        if name is None or self._is_constraints:
            self._leave(where, text, "write it as PROJECT @ URL, under requires")
            return
        self._builds |= needs_build(place)
        place = self._hashed(place, hashes, where)
        self._asked.append(placed(f"{name}{extras}", place, marker))

    def _path(self, place: str) -> str:
        """The absolute path that a place of this machine means."""
        path = urlsplit(place).path if place.startswith("file:") else place.partition("#")[0]
        return normpath(join(self._folder, unquote(path) if place.startswith("file:") else path))

    def _take_option(self, name: str, given: str, where: str) -> None:
        match name:
            case "--requirement" | "--constraint":
                self._include(name.removeprefix("--"), given, where)
            case "--editable":
                self._take_place(given, [], where, is_editable=True)
            case "--index-url":
                self._has_default = False
                self._indexes.insert(0, ArrivedIndex(place=given, where=where))
            case "--extra-index-url" | "--find-links":
                place = given if "://" in given else normpath(join(self._folder, given))
                is_page = name == "--find-links" and place.startswith(("http:", "https:"))
                if is_page:
                    self._leave(
                        where, f"{name} {given}", "envc reads indexes and folders of wheels"
                    )
                else:
                    place = place.removeprefix("file://") if name == "--find-links" else place
                    self._indexes.append(ArrivedIndex(place=place, where=where))
            case "--no-index":
                self._has_default = False
            case "--pre":
                self._prereleases = True
            case "--no-binary":
                self._take_no_binary(given, where)
            case _ if name not in _AS_EVER:
                mend = "see the guide for what [resolver] and [[index]] say"
                self._leave(where, f"{name}{f' {given}' if given else ''}", mend)

    def _take_no_binary(self, given: str, where: str) -> None:
        for each in given.split(","):
            if each.startswith(":"):
                self._leave(where, f"--no-binary {each}", "name the projects in resolver.no-binary")
            else:
                self._no_binary.append(canonicalize_name(each))
                self._builds = True

    def _include(self, kind: str, given: str, where: str) -> None:
        if "://" in given and not given.startswith("file:"):
            self._leave(where, f"--{kind} {given}", "download it, and name the file")
            return
        kind = "constraint" if self._is_constraints else kind
        path = unquote(urlsplit(given).path) if given.startswith("file:") else given
        self._includes.append((kind, normpath(join(self._folder, path)), where))


def _file_or_repository(place: str) -> tuple[str | None, str]:
    """The project that a URL tells of (None: of none), and the URL as requirements have it."""
    bare, fragment = urldefrag(place)
    if place.startswith("git+"):
        told = dict(parse_qsl(fragment))
        egg = re.match(r"[A-Za-z0-9._-]+", told.get("egg", ""))
        return egg[0] if egg else None, git_place(bare, "", told.get("subdirectory", ""))
    if place.startswith(("http:", "https:", "file:")):
        return project_of_file(unquote(basename(urlsplit(bare).path))), place
    return None, place


def _is_place(text: str) -> bool:
    """Whether a line names a place and no project."""
    if re.match(r"[A-Za-z0-9._-]+\s*(?:\[[^]]*\])?\s*@", text):
        return False
    bare = text.partition("[")[0]
    return (
        "://" in text
        or bare.startswith((".", "/", "~"))
        or "/" in bare.partition(";")[0]
        or bare.endswith((".whl", ".zip", ".tar.gz", ".tar.bz2"))
    )


def _exact(requirement: Requirement) -> str | None:
    """The one version that a requirement takes; None: there may be several."""
    parts = list(requirement.specifier)
    if len(parts) != 1 or parts[0].operator not in ("==", "==="):
        return None
    version = parts[0].version
    return None if version.endswith(".*") else version
