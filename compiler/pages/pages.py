"""Gather what `make docs` makes a site of: the pages of the project, and one for each command.

    python compiler/pages/pages.py FOLDER

FOLDER/docs gets the pages, FOLDER/zensical.toml says how they are shown. A page stands there where
it stands in the project, but for docs/, whose pages are at the top. Links are written for those
who read the files; here they lead to where the pages are, and one that leads nowhere ends the run.
"""

import posixpath
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import tomli_w

from envc.cli.commands import GROUPS
from envc.cli.grammar import COMMON, Command, Option

ROOT = Path(__file__).parents[2]
# What a link to a folder leads to.
_FOLDERS = {
    "schemas": "schemas/envc.md",
    "docs/decisions": "docs/decisions/0001-hard-linked-trees-per-wheel.md",
    "docs/findings": "docs/findings/ENVC101.md",
}
_SINGLE = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    ".pre-commit-hooks.yaml",
)
_LINK = re.compile(r"(\]\()([^)\s#]+)([^)]*\))")
_ELSEWHERE = re.compile(r"[a-z]+:|/")


def gather(folder: Path) -> None:
    """Write the pages, and the file that says how they are shown.

    Raises:
        SystemExit: a page has a link to what is not there.
    """
    docs = folder / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    found = files()
    lost = [f"{path}: {link}" for path in found for link in _lost(path, found)]
    if lost:
        raise SystemExit("\n".join(["links that lead nowhere:", *lost]))
    commands = dict(command_pages())
    for path, place in found.items():
        (docs / place).parent.mkdir(parents=True, exist_ok=True)
        if place.endswith(".md"):
            text = (ROOT / path).read_text(encoding="utf-8")
            (docs / place).write_text(_led(text, path, found), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / path, docs / place)
    for place, text in commands.items():
        (docs / place).parent.mkdir(parents=True, exist_ok=True)
        (docs / place).write_text(text, encoding="utf-8")
    shown = tomllib.loads(Path(__file__).with_name("zensical.toml").read_text(encoding="utf-8"))
    places = sorted([*found.values(), *commands])
    shown["project"]["nav"] = _filled(shown["project"]["nav"], places)
    (folder / "zensical.toml").write_text(tomli_w.dumps(shown), encoding="utf-8")


def files() -> dict[str, str]:
    """Where each file stands in the project, and in the site."""
    below = [*ROOT.glob("docs/**/*"), *ROOT.glob("schemas/*")]
    paths = [*_SINGLE, *(file.relative_to(ROOT).as_posix() for file in below if file.is_file())]
    return {path: _place(path) for path in sorted(paths)}


def _place(path: str) -> str:
    return "index.md" if path == "README.md" else path.removeprefix("docs/").removeprefix(".")


def _meant(target: str, path: str) -> str:
    """The file of the project that a link of a page leads to."""
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return _FOLDERS.get(meant, meant)


def _lost(path: str, found: Mapping[str, str]) -> Iterator[str]:
    if path.endswith(".md"):
        for _, target, _ in _LINK.findall((ROOT / path).read_text(encoding="utf-8")):
            if not _ELSEWHERE.match(target) and _meant(target, path) not in found:
                yield target


def _led(text: str, path: str, found: Mapping[str, str]) -> str:
    """The text of a page with links that lead to pages of the site."""
    here = posixpath.dirname(found[path]) or "."

    def led(link: re.Match[str]) -> str:
        before, target, after = link.groups()
        if _ELSEWHERE.match(target):
            return link[0]
        return f"{before}{posixpath.relpath(found[_meant(target, path)], here)}{after}"

    return _LINK.sub(led, text)


def _filled(entries: list[Any], places: list[str]) -> list[Any]:
    """The navigation, with the pages of each folder that it names."""
    filled: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            filled.append({title: _filled(below, places) for title, below in entry.items()})
        elif entry.endswith("/"):
            filled += [place for place in places if re.fullmatch(rf"{entry}[^/]*\.md", place)]
        else:
            filled.append(entry)
    return filled


def command_pages() -> Iterator[tuple[str, str]]:
    """A page for each command, from what it says of itself."""
    for commands in GROUPS.values():
        for name, summary in commands.items():
            yield f"commands/{name}.md", "\n".join(_page(name, summary))


def _page(name: str, summary: str) -> Iterator[str]:
    module = import_module(f"envc.cli.{name}")
    yield f"# `envc {name}`"
    command: Command | None = getattr(module, "COMMAND", None)
    if command is not None:
        yield from _told(f"envc {name}", command, command.summary or summary)
    else:
        yield from ("", _sentence(summary), "")
        for verb, each in module.VERBS.items():
            yield f"## `envc {name} {verb}`"
            yield from _told(f"envc {name} {verb}", each, each.summary)
    yield from ("", "With every command:", "", *_table([(_names(o), o.help, None) for o in COMMON]))
    schema = f"output-{name}-v1.schema.json"
    if (ROOT / "schemas" / schema).exists():
        yield from ("", f"What `--json` prints: [{schema}](../schemas/{schema}).")
    yield ""


def _told(line: str, command: Command, summary: str) -> Iterator[str]:
    words = [line, "[OPTIONS]", *(operand.shown for operand in command.operands)]
    yield from ("", _sentence(summary), "", "```text", " ".join(words), "```", "")
    rows = [(f"`{operand.name}`", operand.help, operand.choices) for operand in command.operands]
    rows += [(_names(option), option.help, option.choices) for option in command.options]
    yield from _table(rows)
    yield from ("", "```sh", command.example, "```", "")


def _table(rows: list[tuple[str, str, Any]]) -> Iterator[str]:
    if rows:
        yield from ("| word | meaning |", "|---|---|")
    for name, told, choices in rows:
        text = f"{told} ({', '.join(choices)})" if choices else told
        escaped = re.sub(r"([|<>{}*])", r"\\\1", text)
        yield f"| {name} | {escaped} |"


def _names(option: Option) -> str:
    words = f"{option.names} {option.value}".strip().replace("|", "&#124;")
    return f"<code>{words}</code>"


def _sentence(summary: str) -> str:
    return f"{summary[:1].upper()}{summary[1:]}."


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
