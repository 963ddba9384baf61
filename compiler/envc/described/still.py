"""An environment of which nothing is run: in an image, by what its files tell.

an image ──interpreter, its path──▶ what the environment's own Python would print
"""

import os
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from envc.described.foreign import FORMAT, Environment, paths_in, told_of
from envc.described.image import Image
from envc.described.survey import Survey
from envc.errors import UsageError
from envc.model.value import value

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_BINARY_BYTES = 1 << 27
_MACHINES = {0x3E: "x86_64", 0xB7: "aarch64", 0x15: "ppc64le", 0x16: "s390x", 0xF3: "riscv64"}
_ELF_MACHINE = slice(18, 20)
_LIBRARIES = ("lib", "lib64")
# Start-up code that is known to add no folder to the path.
_HARMLESS = re.compile(
    r"distutils-precedence\.pth|_virtualenv\.pth|.*-nspkg\.pth|__editable__.*\.pth|coverage.*\.pth"
)


@value(kw_only=True)
class _Interpreter:
    """An interpreter by its files; `home` is where its library stands, the prefix of its base."""

    executable: str
    base_executable: str
    prefix: str
    home: str
    python: str
    python_full: str
    sees_base: bool


def facts_of_image(
    image: Image, environ: Mapping[str, str], python: str | None, where: str
) -> dict[str, Any]:
    """What an interpreter in an image would tell; `python` is its path there, or a name.

    Raises:
        UsageError: there is no such interpreter.
    """
    survey = Survey(image)
    executable = _executable(image, python or "python3", environ, where)
    found = _interpreter(survey, executable, where)
    environment = _environment(survey, found, environ)
    machine, libc = _machine(survey, found)
    return {
        "facts": FORMAT,
        "implementation": "cpython",
        "python_full": found.python_full,
        "executable": executable,
        "base_executable": found.base_executable,
        "platform": f"linux-{machine}",
        "libc": libc,
        **told_of(survey, environment, environ),
    }


def _executable(image: Image, word: str, environ: Mapping[str, str], where: str) -> str:
    """Where a word leads on the image's PATH."""
    folders = environ.get("PATH", _PATH).split(":")
    places = [word] if word.startswith("/") else [posixpath.join(f, word) for f in folders if f]
    places += [f"{place}/bin/python3" for place in places if image.is_folder(place)]
    for place in places:
        if place.startswith("/") and not image.is_folder(place) and _has_name(image, place):
            return posixpath.normpath(place)
    raise UsageError(
        f"no Python is there: {word}",
        where=where,
        mend="name the interpreter in the image: --python /opt/nv/bin/python3",
    )


def _has_name(image: Image, path: str) -> bool:
    """Whether something has that name, be it a link out of the image."""
    folder, _, name = path.rpartition("/")
    try:
        return any(each == name for each, _ in image.scan(folder))
    except OSError:
        return False


def _interpreter(survey: Survey, executable: str, where: str) -> _Interpreter:
    """What the files beside an interpreter tell of it.

    Source: https://docs.python.org/3/library/sys_path_init.html
    """
    image, folder = survey.disk, posixpath.dirname(executable)
    outer = posixpath.dirname(folder)
    files = (f"{folder}/pyvenv.cfg", f"{outer}/pyvenv.cfg")
    told = _configuration(next((text for text in map(survey.text, files) if text), ""))
    base = image.real(executable)
    prefix = outer
    if told:
        names = (posixpath.basename(executable), "python3", "python")
        places = tuple(posixpath.join(told.get("home", folder), name) for name in names)
        there = next((place for place in places if image.exists(place)), None)
        base = image.real(there) if there else told.get("executable", places[0])
    else:
        prefix = _home(survey, base, "")[0]
    python_full = told.get("version") or told.get("version_info") or ""
    home, python = _home(survey, base, ".".join(python_full.split(".")[:2]))
    python_full = _version(survey, base, home, python) or python_full
    numbers = re.match(r"\d+\.\d+\.\d+", python_full)
    if numbers is None or not python:
        raise UsageError(
            "nothing tells which Python that is",
            where=f"{where}: {executable}",
            mend="name another one with --python, or run `envc describe --script` there",
        )
    return _Interpreter(
        executable=executable,
        base_executable=base if told else executable,
        prefix=prefix if told else home,
        home=home,
        python=python,
        python_full=numbers.group(),
        sees_base=not told or told.get("include-system-site-packages", "").lower() == "true",
    )


def _configuration(text: str) -> dict[str, str]:
    """A `pyvenv.cfg`: its keys and values; empty where there is none."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): told.strip() for key, _, told in pairs}


def _home(survey: Survey, executable: str, python: str) -> tuple[str, str]:
    """The prefix that holds an interpreter's library, and its X.Y: as far as they are there."""
    named = re.search(r"python(\d+\.\d+)t?$", executable)
    python = named.group(1) if named else python
    folder = posixpath.dirname(executable)
    while folder != "/":
        folder = posixpath.dirname(folder)
        for library in _LIBRARIES:
            if python and survey.disk.exists(f"{folder}/{library}/python{python}/os.py"):
                return folder, python
            for name in survey.names(f"{folder}/{library}", "") if not python else ():
                found = re.fullmatch(r"python(\d+\.\d+)", name)
                if found and survey.disk.exists(f"{folder}/{library}/{name}/os.py"):
                    return folder, found.group(1)
    return posixpath.dirname(posixpath.dirname(executable)), python


def _version(survey: Survey, executable: str, home: str, python: str) -> str:
    """The full version: by the header of the C interface, else as the program or library has it."""
    header = survey.text(f"{home}/include/python{python}/patchlevel.h") or ""
    number = rf"{re.escape(python)}\.\d{{1,3}}"
    said = re.search(rf'#define\s+PY_VERSION\s+"({number})', header)
    if said:
        return said.group(1)
    libraries = (
        posixpath.join(folder, name)
        for folder in (f"{home}/{library}" for library in _LIBRARIES)
        for name in survey.names(folder, ".so.1.0", ".so")
        if name.startswith(f"libpython{python}")
    )
    # A text of its own, or the end of a longer one that linkers have let it share.
    pattern = re.compile(rf"(?<![\d.])({number})((a|b|rc)\d+)?\+?\0".encode())
    for place in (executable, *libraries):
        found = pattern.search(_binary(survey, place))
        if found:
            return found.group(1).decode()
    return ""


def _binary(survey: Survey, path: str) -> bytes:
    try:
        return survey.disk.read(path, _MOST_BINARY_BYTES)
    except OSError:
        return b""


def _environment(survey: Survey, found: _Interpreter, environ: Mapping[str, str]) -> Environment:
    """The interpreter's path, as its `site` would make it."""
    sites = [*_sites(survey, found.prefix, found.python, is_base=found.prefix == found.home)]
    if found.sees_base and found.prefix != found.home:
        sites += _sites(survey, found.home, found.python, is_base=True)
    path = [entry for entry in environ.get("PYTHONPATH", "").split(":") if entry.startswith("/")]
    for folder in sites:
        if survey.disk.is_folder(folder):
            path.append(folder)
            path += _added(survey, folder)
    library = [f"{found.home}/{each}/python{found.python}" for each in _LIBRARIES]
    library += [f"{each}/lib-dynload" for each in library]
    return Environment(path, sites, library, found.prefix)


def _sites(survey: Survey, prefix: str, python: str, *, is_base: bool) -> list[str]:
    """The folders of projects below a prefix: Debian's own Python has others, Fedora's more."""
    own = (f"{prefix}/{library}/python{python}/site.py" for library in _LIBRARIES)
    code = next(filter(None, map(survey.text, own)), "") if is_base else ""
    if "dist-packages" in code:
        return [
            f"{prefix}/local/lib/python{python}/dist-packages",
            f"{prefix}/lib/python3/dist-packages",
            f"{prefix}/lib/python{python}/dist-packages",
        ]
    prefixes = ["/usr/local", prefix] if "RPM_BUILD_ROOT" in code else [prefix]
    return [
        f"{each}/{library}/python{python}/site-packages"
        for each in prefixes
        for library in reversed(_LIBRARIES)
    ]


def _added(survey: Survey, folder: str) -> list[str]:
    """The folders that the start-up files of a folder put on the path."""
    found = []
    for name in survey.names(folder, ".pth"):
        text = survey.text(f"{folder}/{name}") or ""
        lines = paths_in(text)
        found += [os.path.join(folder, line) for line in lines]
        runs_code = any(line.startswith(("import ", "import\t")) for line in text.splitlines())
        if runs_code and not _HARMLESS.fullmatch(name):
            survey.note(f"{folder}/{name}: runs code, and nobody knows here what that adds")
    return [path for path in found if survey.disk.exists(path)]


def _machine(survey: Survey, found: _Interpreter) -> tuple[str, str]:
    """The kind of processor that the interpreter is for, and the C library that is there."""
    head = _binary(survey, found.base_executable)[: _ELF_MACHINE.stop]
    number = int.from_bytes(head[_ELF_MACHINE], "little") if head[:4] == b"\x7fELF" else 0
    machine = _MACHINES.get(number, os.uname().machine)
    if number not in _MACHINES:
        survey.note(f"nothing tells which kind of processor it is for: taken for {machine}")
    inner = (f"lib/{machine}-linux-gnu", "lib64", "lib")
    for folder in (*inner, *(f"usr/{each}" for each in inner)):
        text = _binary(survey, f"/{folder}/libc.so.6")
        said = re.search(rb"GNU C Library [^\n]{0,80}version (\d+\.\d+)", text)
        if said:
            return machine, f"glibc-{said.group(1).decode()}"
    musl = _binary(survey, f"/lib/ld-musl-{machine}.so.1")
    said = re.search(rb"\0(1\.\d+)\.\d+\0", musl)
    return machine, f"musl-{said.group(1).decode()}" if said else ""
