"""The wheels of the story: a common stack of four projects, and what alice wants on top.

numpy 2 breaks scipy 1.11 (numpy<2) and not scipy 1.14; polars wants numpy 2; `report` is a command
that says what the process sees; `notebook` brings data files.
"""

from support.wheels import Recipe

_REPORT = """\
import json
import sys
from importlib.metadata import distributions

def main():
    seen = {d.name: d.version for d in distributions()}
    print(json.dumps({"prefix": sys.prefix, "projects": seen, "arguments": sys.argv[1:]}))
"""

# What Jupyter would start as a kernel: it tells instead where it is, and what it was given.
_LAUNCHER = """\
import json, os, sys
print(json.dumps({"prefix": sys.prefix, "arguments": sys.argv[1:], "env": dict(os.environ)}))
"""


def module(name: str, version: str, text: str = "") -> dict[str, str]:
    """A package that knows its version."""
    return {f"{name}/__init__.py": f"__version__ = {version!r}\n{text}"}


def _plain(name: str, version: str, *requires: str) -> Recipe:
    return Recipe(name=name, version=version, requires=requires, files=module(name, version))


RECIPES = (
    _plain("six", "1.16.0"),
    _plain("six", "1.17.0"),
    _plain("numpy", "1.26.0"),
    _plain("numpy", "1.26.4"),
    _plain("numpy", "2.0.0"),
    _plain("scipy", "1.11.0", "numpy>=1.20,<2"),
    _plain("scipy", "1.14.0", "numpy>=1.25"),
    _plain("pandas", "2.2.0", "numpy>=1.22", "six"),
    _plain("polars", "1.0.0", "numpy>=2"),
    _plain("solver", "1.0", "numpy<2"),
    Recipe(
        name="report",
        version="1.0",
        files={**module("report", "1.0"), "report/command.py": _REPORT},
        console_scripts={"report": "report.command:main"},
    ),
    Recipe(
        name="ipykernel",
        version="6.0",
        files={**module("ipykernel", "6.0"), "ipykernel_launcher.py": _LAUNCHER},
    ),
    Recipe(
        name="notebook",
        version="7.0",
        files={
            **module("notebook", "7.0"),
            "notebook-7.0.data/data/share/jupyter/kernels/python3/kernel.json": "{}\n",
            "notebook-7.0.data/scripts/notebook-shell": "#!python\nprint('notebook')\n",
        },
    ),
    Recipe(
        name="theme",
        version="1.0",
        files={
            **module("theme", "1.0"),
            "theme-1.0.data/data/share/jupyter/themes/dark.css": "body{}\n",
        },
    ),
    Recipe(name="clash-one", version="1.0", files={"clash/data.txt": "one\n"}),
    Recipe(name="clash-two", version="1.0", files={"clash/data.txt": "two\n"}),
)
