"""Files and commands that would stand where something else belongs."""

import pytest

from hostile.forge import DATA, INFO, Entry, pack, plain, recorded
from hostile.scene import (
    PYTHON,
    SITE,
    Build,
    Case,
    NearMiss,
    Scene,
    each_accepted,
    each_refused,
    files,
    scripts,
)

OWN = "names that begin with '_envc_' are reserved for envc"
BYTECODE = "it is bytecode without a source"
BESIDE = "it would stand beside or outside of site-packages"
FOLDER = "it is a file where an environment has a folder"
POINTS = f"{INFO}/entry_points.txt"


def script(first_line: str, name: str = "tool") -> Build:
    return files(f"{DATA}/scripts/{name}", "demo.py", content=f"{first_line}\nprint(1)\n")


def reserved(name: str) -> str:
    return f"{name!r} is reserved for the environment itself"


PLACES = [
    Case(name, files(path), what, path)
    for name, path, what in (
        ("unknown key", f"{DATA}/evil/x", "'evil' is no key of a .data folder"),
        ("key in other case", f"{DATA}/Scripts/x", "'Scripts' is no key of a .data folder"),
        ("key of a scheme", f"{DATA}/stdlib/os.py", "'stdlib' is no key of a .data folder"),
        ("no key", f"{DATA}/x", "it stands beside the keys of the .data folder"),
        (
            "spelled otherwise",
            "Demo-1.0.data/data/share/x",
            f"its folder is not spelled as {INFO} is",
        ),
        ("python", f"{DATA}/scripts/python3", "the command " + reserved("python3")),
        ("python as data", f"{DATA}/data/bin/Python", "the command " + reserved("Python")),
        (
            "free-threaded python",
            f"{DATA}/scripts/python3.13t",
            "the command " + reserved("python3.13t"),
        ),
        ("activate", f"{DATA}/scripts/activate.csh", "the command " + reserved("activate.csh")),
        ("envc", f"{DATA}/scripts/envc", "the command " + reserved("envc")),
        ("pyvenv.cfg", f"{DATA}/data/pyvenv.cfg", reserved("pyvenv.cfg")),
        ("lease", f"{DATA}/data/.lease", reserved(".lease")),
        ("lib64", f"{DATA}/data/lib64/x.so", reserved("lib64")),
        ("records", f"{DATA}/data/manifest.json", reserved("manifest.json")),
        ("standard library", f"{DATA}/data/lib/python3.11/os.py", BESIDE),
        ("another Python", f"{DATA}/data/lib/python2.7/site-packages/x.py", BESIDE),
        ("file for a folder", f"{DATA}/data/share", FOLDER),
        ("file for lib", f"{DATA}/data/lib", FOLDER),
        ("file for bytecode", "demo/__pycache__", "a file may not stand where bytecode goes"),
        ("envc's own names", "_envc_start.py", OWN),
        ("envc's own names, by data", f"{DATA}/data/{SITE}/_envc_start.py", OWN),
        ("envc's own names, by purelib", f"{DATA}/purelib/_envc_start.pth", OWN),
        ("bytecode", "demo/evil.pyc", BYTECODE),
        ("bytecode at the top", "os.pyc", BYTECODE),
        ("optimized bytecode", "demo/evil.pyo", BYTECODE),
        ("bytecode by data", f"{DATA}/data/{SITE}/evil.pyc", BYTECODE),
    )
]

COMMANDS = [
    Case(name, scripts(line), what, POINTS)
    for name, line, what in (
        ("script with a path", "../evil = demo:main", "'../evil' cannot be the name of a script"),
        ("script below", "a/evil = demo:main", "'a/evil' cannot be the name of a script"),
        ("absolute script", "/bin/sh = demo:main", "'/bin/sh' cannot be the name of a script"),
        ("backslash", "a\\b = demo:main", "'a\\\\b' cannot be the name of a script"),
        ("parent as a script", ".. = demo:main", "'..' cannot be the name of a script"),
        ("escape", "a\x1bc = demo:main", "'a\\x1bc' cannot be the name of a script"),
        (
            "long name",
            f"{'a' * 221} = demo:main",
            f"of the command {'a' * 221!r}: a part of its path is longer than 220 bytes",
        ),
        ("python as entry point", "python = demo:main", "the command " + reserved("python")),
        ("activate as entry point", "activate = demo:main", "the command " + reserved("activate")),
        (
            "injection in module",
            "demo = demo;evil:main",
            "the script 'demo' refers to 'demo;evil:main', not to module:attribute",
        ),
        (
            "injection in attribute",
            "demo = demo:main()",
            "the script 'demo' refers to 'demo:main()', not to module:attribute",
        ),
        (
            "injection by newline",
            "demo = demo:main\n  import evil",
            "the script 'demo' refers to 'demo:main\\nimport evil', not to module:attribute",
        ),
        (
            "no attribute",
            "demo = demo",
            "the script 'demo' refers to 'demo', not to module:attribute",
        ),
        (
            "no module",
            "demo = :main",
            "the script 'demo' refers to ':main', not to module:attribute",
        ),
        (
            "number as attribute",
            "demo = demo:1x",
            "the script 'demo' refers to 'demo:1x', not to module:attribute",
        ),
        (
            "two meanings",
            "demo = demo:main\n[gui_scripts]\ndemo = evil:main",
            "the script 'demo' is given twice, and differently",
        ),
        ("no section", "\n]evil", "it does not parse as an INI file"),
    )
] + [
    Case(
        "script and entry point",
        lambda: pack(
            recorded(plain({f"{DATA}/scripts/demo": "x"}, console_scripts={"demo": "demo:main"}))
        ),
        "it is there twice",
        "bin/demo",
    ),
    Case(
        "commands in two cases",
        scripts("demo = demo:main\nDemo = demo:main"),
        "its path differs from 'bin/Demo' only in case or in Unicode form",
        "bin/demo",
    ),
    Case(
        "not UTF-8",
        lambda: pack(recorded([*plain(), Entry(name=POINTS.encode(), content=b"[\xff]")])),
        "it is not UTF-8",
        POINTS,
    ),
    *(
        Case(
            f"first line of {len(line)} bytes",
            script(line),
            "its first line is longer than 127 bytes",
            f"{DATA}/scripts/tool",
        )
        for line in ("#!/" + "a" * 125, "#!/bin/sh -" + "e" * 500)
    ),
]

LEGAL = [
    NearMiss("bytecode beside its source", files("demo.py", "__pycache__/demo.cpython-311.pyc")),
    NearMiss(
        "foreign bytecode never arrives",
        files("demo.py", "demo/__pycache__/evil.cpython-27.pyc"),
        lacks=(f"{SITE}/demo/__pycache__/evil.cpython-27.pyc",),
    ),
    NearMiss("bytecode as data", files("demo.py", f"{DATA}/data/share/demo/x.pyc")),
    NearMiss(
        "names that resemble python",
        script("#!python", "python-argcomplete"),
        ("bin/python-argcomplete",),
    ),
    NearMiss("first line of 127 bytes", script("#!/" + "a" * 124), ("bin/tool",)),
    NearMiss("long line that envc replaces", script("#!python" + " -X dev" * 90), ("bin/tool",)),
    NearMiss("long line of no program", script("#" + "a" * 500), ("bin/tool",)),
    NearMiss(
        "folders like site-packages",
        files("demo.py", f"{DATA}/data/lib/pkgconfig/x.pc"),
        ("lib/pkgconfig/x.pc",),
    ),
    NearMiss(
        "same command twice, with one meaning",
        scripts("demo = demo:main\n[gui_scripts]\ndemo = demo:main"),
        ("bin/demo",),
    ),
    NearMiss("extras of a script", scripts("demo = demo:main [cli,dev]"), ("bin/demo",)),
    NearMiss("attribute of an attribute", scripts("demo = demo.x:Main.run"), ("bin/demo",)),
    NearMiss("no ASCII", scripts("d\xe9mo = demo:main"), ("bin/d\xe9mo",)),
    NearMiss("group of somebody else", scripts("\n[evil]\n../x = ;;;")),
]


test_is_refused_by_name = each_refused([*PLACES, *COMMANDS])
test_near_miss_is_accepted = each_accepted(LEGAL)


def test_start_up_code_is_accepted_and_told(outbox: Scene) -> None:
    """Real projects bring it; `envc check` reports what the facts name."""
    names = ("demo.py", "evil.pth", "evil.start", "sitecustomize.py", "usercustomize/__init__.py")
    facts = outbox.accepted(NearMiss("start-up code", files(*names)))
    assert facts.start_files == tuple(f"{SITE}/{name}" for name in names[1:])


@pytest.mark.parametrize("key", ["purelib", "platlib", f"data/{SITE}"])
def test_start_up_code_of_any_scheme_is_told(outbox: Scene, key: str) -> None:
    names = ("evil.pth", "evil.start", "sitecustomize/__init__.py", "usercustomize.cpython-311.so")
    brought = files("demo.py", *(f"{DATA}/{key}/{name}" for name in names))
    facts = outbox.accepted(NearMiss("start-up code", brought))
    assert facts.start_files == tuple(f"{SITE}/{name}" for name in names)


def test_module_of_the_standard_library_is_accepted_and_told(outbox: Scene) -> None:
    facts = outbox.accepted(NearMiss("shadow", files("demo.py", "os.py", "pip/__init__.py")))
    assert facts.modules == {"demo": "module", "os": "module", "pip": "package"}


def test_script_starts_what_stands_beside_it(outbox: Scene) -> None:
    """Whatever follows `#!python`, newlines of other systems included, is left out."""
    outbox.accepted(NearMiss("script", script("#!python\revil\r")))
    (place,) = outbox.store.rglob("bin/tool")
    assert place.read_bytes().splitlines()[0] == b"#!/bin/sh"
    assert b"evil" not in place.read_bytes()
    assert PYTHON not in place.read_text()
