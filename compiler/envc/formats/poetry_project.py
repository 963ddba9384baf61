"""Poetry's own tables of a pyproject.toml → requirements as all tools have them.

Source: https://python-poetry.org/docs/dependency-specification/
"""

import re
from collections.abc import Collection, Iterator

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envc.formats.arrival import source_place
from envc.formats.document import requirement_text
from envc.formats.toml_tree import Tree

_PLAIN = re.compile(r"[0-9]\S*")


def poetry_requirements(table: Tree, folder: str, optional: Collection[str] = ()) -> Iterator[str]:
    """The requirements of a table of dependencies, but for Python; of optional ones, these.

    Raises:
        SpecError: one of them cannot be read.
    """
    for name, told in table.table().items():
        if name.lower() != "python":
            for each in told.items() if isinstance(told.data, list) else (told,):
                if not _is_optional(each) or canonicalize_name(name) in optional:
                    yield from _requirement(name, each, folder)


def poetry_python(table: Tree) -> str:
    """The Pythons that a table of dependencies is for, as a specifier; "" where it does not say."""
    told = table.table().get("python")
    text = told.text() if told is not None and isinstance(told.data, str) else ""
    try:
        return _specifier(text)
    except ValueError:
        return ""


def _requirement(name: str, told: Tree, folder: str) -> Iterator[str]:
    is_plain = isinstance(told.data, str)
    table = told if not is_plain else told.at()
    extras = "" if is_plain else ",".join(table.at("extras").texts())
    text = f"{name}{f'[{extras}]' if extras else ''}"
    try:
        if is_plain:
            text += _specifier(told.text())
        else:
            place = source_place(table, folder)
            text += f" @ {place}" if place else _specifier(table.at("version").text())
            markers = list(_markers(table))
            text += f" ; {' and '.join(markers)}" if markers else ""
        yield requirement_text(text)
    except ValueError as error:
        raise told.refuse(str(error)) from error


def _is_optional(told: Tree) -> bool:
    return isinstance(told.data, dict) and told.at("optional").data is True


def _markers(table: Tree) -> Iterator[str]:
    """When it is asked for, as markers that hold together."""
    if markers := table.at("markers").text():
        yield f"({markers})" if " or " in markers else markers
    if platform := table.at("platform").text():
        yield f'sys_platform == "{platform}"'
    if python := table.at("python").text():
        for part in filter(None, _specifier(python).split(",")):
            found = re.fullmatch(r"([<>=!~]+)(.+)", part)
            if found is not None:
                is_full = found[2].removesuffix(".*").count(".") > 1
                name = "python_full_version" if is_full else "python_version"
                yield f'{name} {found[1]} "{found[2]}"'


def _specifier(text: str) -> str:
    """What poetry calls a constraint, as a specifier; ValueError where there is none for it."""
    if "||" in text or "|" in text:
        raise ValueError(f"{text!r} has alternatives, for which requirements have no form")
    spaced = re.sub(r"([<>=!~^])\s+", r"\1", text)
    parts = [part for part in re.split(r"[,\s]+", spaced) if part]
    return ",".join(filter(None, map(_clause, parts)))


def _clause(text: str) -> str:
    if text == "*":
        return ""
    if text.startswith("^"):
        return _up_to(text[1:], caret=True)
    if text.startswith("~") and not text.startswith("~="):
        return _up_to(text[1:], caret=False)
    return f"=={text}" if _PLAIN.fullmatch(text) else text


def _up_to(text: str, *, caret: bool) -> str:
    """`^1.2` is >=1.2,<2, as its first number that is not 0 stays; `~1.2` is >=1.2,<1.3."""
    try:
        release = Version(text).release
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is not a version") from error
    if caret:
        kept = next((place for place, part in enumerate(release) if part), len(release) - 1)
    else:
        kept = min(1, len(release) - 1)
    limit = (*release[:kept], release[kept] + 1)
    return f">={text},<{'.'.join(map(str, limit))}"
