import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envc.errors import OutsideError, UntrustedError, UsageError
from envc.model.manifest import Entry
from envc.ports import SilentReporter
from envc.store import bytecode, compile_worker
from envc.store.bytecode import Compiler

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag

# What one source brings into a process changes how others that share its names compile there:
# qualified names and sets of names, from Python 3.12 on.
SHARED = """\
def outer(kind):
    class Unheard:
        key = kind in {'unheard_of', 'another_one'}
    return Unheard, kind in {'unheard_of', 'another_one'}
"""
SOURCES = {
    "first.py": f"{SHARED}x = 1\n",
    "second.py": f"{SHARED}y = 'unheard_of', 'outer.<locals>.Unheard'\n",
    "third.py": "# -*- coding: latin-1 -*-\nclass Some:\n    '''Doc.'''\n    another_one = 7\n",
    "fourth.py": "print 'another Python'\n",
}


def compile_all(folder: Path, order: list[str], interpreter: str = sys.executable) -> list[Entry]:
    """Compile each file as a batch of its own, all in one process."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name, text in SOURCES.items():
        (tree / name).write_text(text, encoding="utf-8")
    arguments = {"python": PYTHON, "folder": str(folder), "reporter": SilentReporter()}
    with Compiler(interpreter, **arguments) as compiler:
        return [e for name in order for f in compiler.submit("tree", [name]) for e in f.result()]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "tree/__pycache__").iterdir()}


def test_bytecode_does_not_depend_on_what_was_compiled_before(tmp_path: Path) -> None:
    compile_all(tmp_path / "a", sorted(SOURCES))
    compile_all(tmp_path / "b", sorted(SOURCES, reverse=True))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sorted(contents(tmp_path / "a")) == [
        f"first.{TAG}.pyc",
        f"second.{TAG}.pyc",
        f"third.{TAG}.pyc",
    ]


def test_objects_that_others_hold_do_not_show() -> None:
    source = "x = 'not a name', 1234567890123\n"
    code = compile(source, "x.py", "exec")
    plain, ours = marshal.dumps(code), compile_worker.canonical(code)
    held = [item for constant in code.co_consts for item in (constant, constant)]
    assert marshal.dumps(code) != plain, "the control: plain marshal shows who else holds a part"
    assert compile_worker.canonical(code) == ours
    assert held


def test_bytecode_is_unchecked_and_named_relative_to_the_tree(tmp_path: Path) -> None:
    entries = compile_all(tmp_path, ["first.py"])
    path = tmp_path / "tree" / entries[0].path
    content = path.read_bytes()
    assert entries[0].path == f"__pycache__/first.{TAG}.pyc"
    assert entries[0].size_bytes == len(content)
    assert content[:8] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0"
    assert content[8:16] == importlib.util.source_hash(SOURCES["first.py"].encode())
    assert marshal.loads(content[16:]).co_filename == "first.py"
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.stat().st_mtime == 315532800
    program = "import first; print(first.outer.__code__.co_filename)"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = ['.']; {program}"]
    tree = tmp_path / "tree"
    (tree / "first.py").write_text("this is not read: the bytecode is not checked")
    ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{tree}/first.py\n"


def test_missing_interpreter(tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        compile_all(tmp_path, ["first.py"], "/nonexistent/python")
    assert str(caught.value) == (
        "/nonexistent/python: cannot start the core's interpreter: No such file or directory\n"
        "  help: install it, or correct core.interpreter"
    )


def fake_interpreter(folder: Path, body: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("body", "found"),
    [("echo cpython-27; cat", "it is cpython-27"), ("exit 1", "it is no Python that runs")],
)
def test_other_interpreter(tmp_path: Path, body: str, found: str) -> None:
    path = fake_interpreter(tmp_path, body)
    with pytest.raises(UsageError) as caught:
        compile_all(tmp_path / "x", ["first.py"], path)
    assert str(caught.value) == (
        f"{path}: the core's interpreter must be {TAG}; {found}\n"
        f"  help: set core.interpreter to a CPython {PYTHON}, or core.python to what it is"
    )


def test_interpreter_that_dies(tmp_path: Path) -> None:
    path = fake_interpreter(tmp_path, f"echo {TAG}; read line; kill -9 $$")
    with pytest.raises(OutsideError) as caught:
        compile_all(tmp_path / "x", ["first.py"], path)
    assert str(caught.value) == (
        f"{path}: the byte-compiler ended with status -9 while it compiled first.py\n"
        "  help: see whether the node ran out of memory, then run again"
    )


def test_disk_trouble_keeps_its_number(tmp_path: Path) -> None:
    path = fake_interpreter(tmp_path, f"echo {TAG}; read line; echo '!28'; cat")
    with pytest.raises(OSError, match="No space left on device") as caught:
        compile_all(tmp_path / "x", ["first.py"], path)
    assert caught.value.errno == 28
    assert os.listdir(tmp_path / "x/tree") != []


class Warned(SilentReporter):
    def __init__(self):
        self.heard = []

    def warn(self, message):
        self.heard.append(message)


def compile_one(folder: Path, content: bytes) -> tuple[list[Entry], list[str]]:
    (folder / "tree").mkdir(parents=True)
    (folder / "tree/x.py").write_bytes(content)
    reporter = Warned()
    arguments = {"python": PYTHON, "folder": str(folder), "reporter": reporter}
    with Compiler(sys.executable, **arguments) as compiler:
        return [e for f in compiler.submit("tree", ["x.py"]) for e in f.result()], reporter.heard


PASSED_OVER = (
    "x.py gets no bytecode: it is larger than what people write, or in an encoding of an odd kind"
)


@pytest.mark.parametrize(
    "source",
    [
        b"a;" * 2_000_000,
        b"a\n" * 2_000_000,
        b"[],\n" * 1_000_000,
        b"#" + b"a" * (16 << 20),
        b"# coding: punycode\n" + b"x" * 3000 + b"-" + b"a9" * 3000,
        b"#!/usr/bin/python\r# -*- coding=punycode\rx",
        b"\xef\xbb\xbf\n \f# coding punycode coding:\t Punycode\nx",
        b"#" + b"-" * 100_000 + b"coding: punycode\nx",
        b"# coding: unicode_escape\nx",
        b"# coding: utf_7\nx",
        b"# coding: idna\nx",
    ],
    ids=range(11),
)
def test_what_nobody_writes_gets_no_bytecode_and_a_word(tmp_path: Path, source: bytes) -> None:
    assert compile_one(tmp_path, source) == ([], [PASSED_OVER])


@pytest.mark.parametrize(
    "source",
    [
        b"x = '''" + b"text of a table, " * 150_000 + b"'''\n",
        b"# coding: utf-8-unix\nx = 1\n",
        b"# vim: set fileencoding=latin-1 :\nx = '\xe9'\n",
        b"#\n# coding: windows-1252\nx = '\xe9'\n",
        b"# coding: euc-jp\nx = 1\n",
        b"x = 1\n\n# coding: punycode\n",
        b"x = '# coding: punycode'\n",
    ],
    ids=range(7),
)
def test_what_people_write_gets_it(tmp_path: Path, source: bytes) -> None:
    entries, warnings = compile_one(tmp_path, source)
    assert (len(entries), warnings) == (1, [])


def test_a_source_that_does_not_compile_is_told_to_nobody(tmp_path: Path) -> None:
    assert compile_one(tmp_path, b"# coding: nothing-known\nx\n") == ([], [])
    deep = compile_one(tmp_path / "deep", b"-" * 100_000 + b"1\n")
    assert deep == ([], [])


def nested_finally(depth: int) -> bytes:
    """Few lines, of which each is compiled twice as often as the one above it."""
    lines = [f"{' ' * at}try: a\n{' ' * at}finally:" for at in range(depth)]
    return "\n".join([*lines, " " * depth + "b"]).encode()


@pytest.mark.parametrize(
    ("kind", "limit"), [("_MEMORY_BYTES", 1 << 28), ("_CPU_SECONDS", 1)], ids=["memory", "time"]
)
def test_the_last_resort_ends_that_wheel(tmp_path: Path, monkeypatch, kind, limit) -> None:
    monkeypatch.setattr(bytecode, kind, limit)
    with pytest.raises(UntrustedError) as caught:
        compile_one(tmp_path, nested_finally(18))
    assert str(caught.value) == (
        "x.py: to compile it takes more memory or time than any source may\n"
        "  help: do not use the wheel that it is of, and tell who publishes it"
    )
