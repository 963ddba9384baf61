"""The corpus of `envc check`: sites with overlays whose findings are known, as TOML files.

    why = "…"
    [[wheel]]                                a recipe (support.wheels); the text of a file may be
                                             "library: needs=libx.so.1 looks=$ORIGIN/../x/lib
                                             holds=a.text,another"
    [facts."six-1.0-py3-none-any.whl"]       what the index says of it: `yanked`, `requires_python`
    [site]                                   tables that are added to the envc.toml
    [site.layer.user]
    [edited.user]                            keys of a layer that are edited after all is locked
    [overlay.alice]
    requires = ["six"]                       …and the other keys of [overlay]
    check = …                                the [check] table
    expect = ["ENVC203 numpy"]               every finding, notes too: code, then projects

Keys that make trouble: `lock` = "none", "stale", "other-base", "torn", "weak" (md5); `edits`
replaces text in the lock; `text` is the whole spec instead; `gone` are wheels that are taken away
before the check; `built` = "this", "another" or "nothing" puts a tree beside the spec.
"""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from envc.formats.generation import generation_to_json
from envc.model.digest import Digest, digest_of
from envc.model.generation import Generation, GenerationLayer
from support.elf import shared_library
from support.index_server import FileFacts, IndexServer
from support.sites import PYTHON, envc
from support.wheels import Recipe, build_all

FOLDER = Path(__file__).resolve().parents[2] / "fixtures/check"
_ZEROS = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True)
class Expected:
    """What the check must say of an overlay: every finding, and whether it is ok."""

    name: str
    findings: list[str]


def cases() -> list[Path]:
    return sorted(FOLDER.glob("*.toml"))


def judge(path: Path, root: Path) -> Iterator[tuple[Expected, dict[str, Any]]]:
    """What is expected of each overlay of a file, and its verdict."""
    tables = tomllib.loads(path.read_text())
    wheels = root / "wheels"
    build_all([_recipe(table) for table in tables["wheel"]], wheels)
    facts = {name: FileFacts(**table) for name, table in tables.get("facts", {}).items()}
    if facts:
        with IndexServer(wheels, facts=facts) as server:
            yield from _judged(tables, root, {"url": server.url})
    else:
        yield from _judged(tables, root, {"path": str(wheels)})


def _judged(
    tables: dict[str, Any], root: Path, index: dict[str, str]
) -> Iterator[tuple[Expected, dict[str, Any]]]:
    site = root / "site"
    site.mkdir()
    spec = {
        "version": 1,
        "site": {"name": "corpus"},
        "core": {"python": PYTHON},
        "index": [{"name": "wheels", **index}],
        "layer": {"user": {"requires": []}},
        **tables.get("site", {}),
    }
    (site / "envc.toml").write_text(tomli_w.dumps(spec))
    answer = envc("lock", cwd=site)
    assert answer.status == 0, answer.stderr
    expected: dict[str, list[str]] = {}
    specs: list[Path] = []
    gone: set[str] = set()
    for name, table in tables["overlay"].items():
        keys = dict(table)
        expected[name] = keys.pop("expect")
        gone.update(keys.pop("gone", []))
        specs.append(_write(site, name, keys))
    for layer, keys in tables.get("edited", {}).items():
        spec["layer"][layer] |= keys
    (site / "envc.toml").write_text(tomli_w.dumps(spec))
    for filename in gone:
        (root / "wheels" / filename).unlink()
    words = [os.path.relpath(path, site) for path in specs]
    answer = envc("check", *words, "--json", cwd=site)
    assert answer.status in (0, 1), answer.stderr
    verdicts = answer.json["overlays"]
    for name, verdict in zip(expected, verdicts, strict=True):
        yield Expected(name, sorted(expected[name])), verdict


def told(verdict: dict[str, Any]) -> list[str]:
    """The findings of a verdict as the corpus writes them."""
    return sorted(" ".join([f["code"], *f["projects"]]) for f in verdict["findings"])


def _write(site: Path, name: str, keys: dict[str, Any]) -> Path:
    """Write an overlay's spec, lock and tree, in the state that the keys ask for."""
    lock, edits = keys.pop("lock", "fresh"), keys.pop("edits", [])
    text, built = keys.pop("text", None), keys.pop("built", None)
    tables: dict[str, Any] = {"version": 1}
    if "check" in keys:
        tables["check"] = keys.pop("check")
    tables["overlay"] = {"name": name, "base": "user", **keys}
    path = site / "shared" / name / "overlay.toml"
    path.parent.mkdir(parents=True)
    path.write_text(tomli_w.dumps(tables) if text is None else text)
    if lock != "none" and text is None:
        answer = envc("lock", "--overlay", path, cwd=site)
        assert answer.status == 0, f"{name}: {answer.stderr}"
        _spoil(path.with_name(f"pylock.{name}.toml"), lock, edits)
    if built is not None:
        _build(path.parent, name, built)
    return path


def _spoil(path: Path, lock: str, edits: list[list[str]]) -> None:
    text = path.read_text()
    for old, new in edits:
        assert old in text, f"{path.name} has no {old!r}"
        text = text.replace(old, new)
    table = tomllib.loads(text)["tool"]["envc"]
    if lock == "stale":
        text = text.replace(table["inputs"], _ZEROS)
    elif lock == "other-base":
        text = text.replace(table["base"]["closure"], _ZEROS)
    elif lock == "torn":
        text = text[: len(text) // 2]
    elif lock == "weak":
        text = text.replace("sha256 =", "md5 =")
    path.write_text(text)


def _build(folder: Path, name: str, built: str) -> None:
    """The record of a generation, without its tree."""
    number = folder / "generations/000001"
    number.mkdir(parents=True)
    if built == "nothing":
        return
    lock = digest_of((folder / f"pylock.{name}.toml").read_bytes()) if built == "this" else _ZEROS
    layer = GenerationLayer(
        digest=_ZEROS,
        closure=_ZEROS,
        lock=lock,
        distributions=0,
        files=0,
        linked=0,
        copied=0,
        wheels=(),
        runtime="runtime",
    )
    record = Generation(
        generation=1,
        digest=_ZEROS,
        site="corpus",
        python=PYTHON,
        interpreter="/usr/bin/python3",
        layers={name: layer},
    )
    (number / "manifest.json").write_bytes(generation_to_json(record))
    (folder / "current").symlink_to("generations/000001")


def _recipe(table: dict[str, Any]) -> Recipe:
    keys = {key.replace("-", "_"): value for key, value in table.items()}
    if "files" in keys:
        keys["files"] = {path: _content(text) for path, text in keys["files"].items()}
    return Recipe(**keys)


def _content(text: str) -> str | bytes:
    if not text.startswith("library:"):
        return text
    words = dict(word.split("=", 1) for word in text.removeprefix("library:").split())
    return shared_library(
        needs=tuple(filter(None, words.get("needs", "").split(","))),
        looks=tuple(filter(None, words.get("looks", "").split(","))),
        holds=tuple(filter(None, words.get("holds", "").split(","))),
    )
