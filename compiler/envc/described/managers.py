"""What dpkg, rpm and conda tell of an environment: the second part of the program.

None of them is run; their own lists are read.
"""

from __future__ import annotations

import re

from envc.described.survey import MOST_RECORD_BYTES, Survey, is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DPKG = "/var/lib/dpkg/info"
RPM = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
RPM_TAGS = {1116: "numbers", 1117: "names", 1118: "folders"}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|(^|_)(API_?)?KEY", re.IGNORECASE)


def packages(survey: Survey, folder: str) -> Iterator[list[str]]:
    """The files of each package that package managers have installed in a folder, perhaps."""
    prefix, is_lib, _ = folder.partition("/lib/python")
    if folder.startswith(("/usr/lib/", "/usr/lib64/")):
        yield from of_dpkg(survey, folder)
        yield from of_rpm(survey, folder)
    if is_lib:
        for name in survey.names(prefix + "/conda-meta", ".json"):
            files = survey.object(f"{prefix}/conda-meta/{name}").get("files")
            if isinstance(files, list) and not survey.is_late():
                yield [f"{prefix}/{file}" for file in files if isinstance(file, str)]


def of_dpkg(survey: Survey, folder: str) -> Iterator[list[str]]:
    """The files of each package of dpkg's that has some in a folder."""
    for name in survey.names(DPKG, ".list"):
        text = survey.text(f"{DPKG}/{name}", MOST_RECORD_BYTES) or ""
        if folder in text and not survey.is_late():
            yield text.splitlines()


def of_rpm(survey: Survey, folder: str) -> Iterator[list[str]]:
    """The files of each package of rpm's that has some in a folder."""
    database = next((path for path in RPM if survey.disk.exists(path)), None)
    if database is None:
        return
    try:
        for (header,) in survey.disk.rows(database, "SELECT blob FROM Packages"):
            if isinstance(header, bytes) and folder.encode() in header:
                yield files_of_rpm(header)
    except Exception as error:  # noqa: BLE001 - sqlite3 may be missing, or the file be anything
        survey.note(f"{database}: cannot be read: {str(error)[:80]!a}")


def files_of_rpm(header: bytes) -> list[str]:
    """The files that a header of rpm's names: their folders once, and the number of each one's.

    Source: https://rpm-software-management.github.io/rpm/manual/format_header.html
    """
    count = int.from_bytes(header[:4], "big")
    data = header[8 + 16 * count :]
    found: dict[str, list[str]] = {"numbers": [], "names": [], "folders": []}
    for start in range(8, 8 + 16 * min(count, len(header) // 16), 16):
        tag, _, place, many = (
            int.from_bytes(header[start + at : start + at + 4], "big") for at in (0, 4, 8, 12)
        )
        if RPM_TAGS.get(tag) == "numbers":
            ends = range(place, min(place + 4 * many, len(data)), 4)
            found["numbers"] = [str(int.from_bytes(data[at : at + 4], "big")) for at in ends]
        elif tag in RPM_TAGS:
            texts = data[place:].split(b"\0", many)[:many]
            found[RPM_TAGS[tag]] = [text.decode("utf-8", "replace") for text in texts]
    folders = found["folders"]
    pairs = zip(map(int, found["numbers"]), found["names"])  # noqa: B905 - Python 3.8
    return [folders[number] + name for number, name in pairs if number < len(folders)]


def conda_variables(survey: Survey, prefix: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What an activation of a conda environment sets, as far as somebody knows the values.

    Its scripts are not run: what they set has the value that it has here.
    """
    found: dict[str, str] = {}
    for path in [
        f"{prefix}/conda-meta/state",
        *(
            f"{prefix}/etc/conda/env_vars.d/{name}"
            for name in survey.names(prefix + "/etc/conda/env_vars.d", ".json")
        ),
    ]:
        told = survey.object(path)
        texts = told.get("env_vars") if path.endswith("/state") else told
        if isinstance(texts, dict):
            found.update((name, str(value)) for name, value in texts.items())
    folder = prefix + "/etc/conda/activate.d"
    for name in survey.names(folder, ".sh"):
        text = survey.text(f"{folder}/{name}") or ""
        for variable in re.findall(r"^\s*export\s+([A-Za-z_]\w*)=", text, re.MULTILINE):
            if environ.get("CONDA_PREFIX") == prefix and variable in environ:
                found[variable] = environ[variable]
            elif variable not in found:
                survey.note(f"{folder}/{name}: sets {variable}, to what it is there")
    for variable in [name for name in found if SECRET.search(name)]:
        survey.note(f"{variable}: is set by an activation; its value looks secret, and is left out")
        del found[variable]
    return {
        name: found[name] for name in found if VARIABLE.fullmatch(name) and is_plain(found[name])
    }
