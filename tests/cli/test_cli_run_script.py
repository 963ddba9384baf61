"""`envc run SCRIPT.py`: a script that says itself what it needs (PEP 723)."""

import getpass
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.sites import PYTHON_FULL, SiteFolder, envc_process

pytestmark = pytest.mark.slow  # every test starts envc in a process of its own

BODY = """\
import json, sys
from importlib.metadata import version
print(json.dumps([version(name) for name in ("polars", "numpy", "pandas")] + sys.argv))
"""
SCRIPT = f"""\
#!/usr/bin/env -S envc run
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "polars",
# ]
# [tool.other]
# anything = 1
# ///
{BODY}"""


class Scripts:
    """Scripts in a folder of their own, run on the target of a site."""

    def __init__(self, site: SiteFolder, folder: Path) -> None:
        self.site = site
        self.folder = folder

    def write(self, text: str, name: str = "plot.py"):
        (self.folder / name).write_text(text)
        return self

    def run(self, *words: object, environment=None):
        whole = ("run", "--target", self.site.target, *words)
        return envc_process(*whole, cwd=self.folder, environment=environment)

    def overlays(self) -> list[str]:
        place = self.site.storage / getpass.getuser() / ".scripts"
        return sorted(os.listdir(place)) if place.exists() else []

    def refused(self, *words: object) -> tuple[int, str]:
        answer = self.run(*words)
        return answer.status, answer.stderr


@pytest.fixture
def scripts(built, tmp_path):
    """On a target that other tests use as well."""
    return Scripts(built, tmp_path)


@pytest.fixture
def alone(site, tmp_path):
    """On a target of its own."""
    site.done("lock")
    site.materialize()
    return Scripts(site, tmp_path)


def test_a_script_runs_on_its_layer_with_what_it_asks_for(scripts):
    answer = scripts.write(SCRIPT).run("plot.py", "--size", "3", "--json")
    assert answer.status == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert seen == ["1.0.0", "2.0.0", "2.2.0", "plot.py", "--size", "3", "--json"]


def test_the_overlay_is_made_once_for_all_that_ask_for_the_same(alone):
    alone.write(SCRIPT)
    assert alone.run("plot.py").status == 0
    (name,) = alone.overlays()
    folder = alone.site.storage / getpass.getuser() / ".scripts" / name
    made = os.stat(folder / "current/manifest.json").st_mtime_ns
    wheels = alone.site.folder / "wheels"
    wheels.unlink()  # nothing is resolved or fetched again
    alone.write(SCRIPT + "# edited\n", "other.py")
    assert alone.run("other.py").status == 0
    assert alone.overlays() == [name]
    assert os.stat(folder / "current/manifest.json").st_mtime_ns == made
    assert list((folder / "generations").iterdir()) == [folder / "generations/000001"]


def test_a_spec_that_was_lost_is_written_again(alone):
    """Nobody wrote it: it follows from the script."""
    assert alone.write(SCRIPT).run("plot.py").status == 0
    (name,) = alone.overlays()
    spec = alone.site.storage / getpass.getuser() / ".scripts" / name / "overlay.toml"
    text = spec.read_bytes()
    spec.unlink()
    assert alone.run("plot.py").status == 0
    assert spec.read_bytes() == text


def test_another_dependency_is_another_overlay(alone):
    assert alone.write(SCRIPT).run("plot.py").status == 0
    alone.write(SCRIPT.replace('"polars",', '"polars", "six",'))
    assert alone.run("plot.py").status == 0
    assert len(alone.overlays()) == 2


def test_overlays_that_no_script_runs_in_go_when_another_is_made(alone):
    """After the days of `[retain]`; neither what was run since goes, nor what still runs."""
    place = alone.site.storage / getpass.getuser() / ".scripts"
    asked = [SCRIPT.replace('"polars",', f'"polars", "{name}",') for name in ("six", "report")]
    for text in (SCRIPT, *asked):
        assert alone.write(text).run("plot.py").status == 0
    long_ago = time.time() - 31 * 86_400
    used, running = (
        sorted(alone.overlays(), key=lambda name: made(place / name))[at] for at in (0, 1)
    )
    for name in alone.overlays():
        os.utime(place / name / "overlay.toml", (long_ago, long_ago))
    (place / ".going-script-0123456789abcdef/generations").mkdir(parents=True)
    (place / "mine").mkdir()  # what envc did not put there, it does not take away
    assert alone.write(SCRIPT).run("plot.py").status == 0  # it is there: nothing is collected
    assert (place / used / "overlay.toml").stat().st_mtime > long_ago
    assert len(alone.overlays()) == 5
    code = "print('up', flush=True); input()"
    with subprocess.Popen(
        [place / running / "bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        alone.write(SCRIPT.replace('"polars",', '"polars", "theme",'))
        answer = alone.run("plot.py", "--", environment={})
        process.communicate(b"\n")
    assert "removed overlays of scripts that nobody runs: 1\n" in answer.stderr
    (new,) = set(alone.overlays()) - {used, running, "mine"}
    assert alone.run("plot.py").status == 0
    assert json.loads((place / new / "current/manifest.json").read_text())["layers"].keys() == {new}


def made(folder: Path) -> float:
    return (folder / "current/manifest.json").stat().st_mtime


def test_cleaning_the_cache_removes_overlays_there_though_they_are_read_only(site, tmp_path):
    site.edit('storage = "', '# "')
    site.done("lock")
    site.materialize()
    scripts = Scripts(site, tmp_path).write(SCRIPT)
    assert scripts.run("plot.py").status == 0
    place = Path(os.environ["ENVC_CACHE_DIR"], "scripts-v1")
    (generation,) = place.glob("*/script-*/generations/000001")
    assert stat.S_IMODE(generation.stat().st_mode) == 0o555
    as_nobody = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    command = [*as_nobody, sys.executable, "-m", "envc", "cache", "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not place.exists()


def test_a_base_that_moved_on_is_locked_against_anew(alone):
    assert alone.write(SCRIPT).run("plot.py").status == 0
    alone.site.edit('"pandas"', '"pandas", "six"')
    alone.site.done("lock")
    alone.site.materialize()
    answer = alone.run("plot.py")
    assert (answer.status, answer.stderr.count("moved on")) == (0, 0), answer.stderr


def test_it_names_the_layer_that_it_stands_on(scripts):
    scripts.write(
        '# /// script\n# dependencies = ["six"]\n# [tool.envc]\n# base = "system"\n# ///\n'
        "import importlib.util, six\nprint(importlib.util.find_spec('pandas'))\n"
    )
    answer = scripts.run("plot.py")
    assert (answer.status, answer.stdout) == (0, "None\n"), answer.stderr


def test_without_storage_it_stands_in_the_cache(site, tmp_path):
    site.edit('storage = "', '# "')
    site.done("lock")
    site.materialize()
    scripts = Scripts(site, tmp_path).write(SCRIPT)
    answer = scripts.run("plot.py")
    assert answer.status == 0, answer.stderr
    assert len(os.listdir(f"{os.environ['ENVC_CACHE_DIR']}/scripts-v1")) == 1


def test_a_given_stack_goes_before_the_metadata(scripts):
    scripts.write("# /// script\n# dependencies = 3\n# ///\nimport pandas; print('ran')\n")
    answer = scripts.run("--layer", "user", "plot.py")
    assert (answer.status, answer.stdout) == (0, "ran\n"), answer.stderr


def test_a_script_without_metadata_runs_in_the_users_own_overlay(scripts):
    answer = scripts.write("import sys; print(sys.prefix)\n").run("plot.py")
    assert answer.status == 0, answer.stderr
    assert answer.stdout.startswith(f"{scripts.site.storage}/{getpass.getuser()}/")
    assert ".scripts" not in answer.stdout


def test_every_fault_is_named_with_its_line_in_the_script(scripts):
    scripts.write(
        "# /// script\n# requires-python = 'three'\n# dependencies = [\n#   'six',\n"
        "#   'not a requirement!',\n# ]\n# colour = 'blue'\n# ///\n"
    )
    assert scripts.refused("plot.py") == (
        2,
        (
            "error: 'three' is no version specifier\n"
            "   at: plot.py:2 (requires-python)\n"
            " help: correct it\n"
            "error: 'not a requirement!' is not a requirement: Expected semicolon (after name with "
            "no version specifier) or end\n"
            "   at: plot.py:5 (dependencies[1])\n"
            " help: correct it\n"
            "error: unknown key\n"
            "   at: plot.py:7 (colour)\n"
            " help: remove it, or use one of dependencies, requires-python, tool\n"
        ),
    )


def test_a_requirement_that_cannot_be_met_is_named_with_its_line(scripts):
    scripts.write("print(1)\n\n" + SCRIPT.replace('"polars"', '"polars>=9"'))
    status, told = scripts.refused("plot.py")
    assert (status, told.splitlines()[1:-1]) == (
        3,
        [
            "  plot.py:7 (dependencies[0]) requires polars>=9",
            "  so no release of polars is left; the newest is 1.0.0",
            "   at: plot.py:7 (dependencies[0])",
        ],
    )


def test_a_script_for_another_python_is_refused(scripts):
    scripts.write(SCRIPT.replace(">=3.11", ">=3.99"))
    assert scripts.refused("plot.py") == (
        2,
        (
            f"error: the script requires Python >=3.99, and the core of {scripts.site.target} is "
            f"Python {PYTHON_FULL}\n"
            "   at: plot.py:3 (requires-python)\n"
            " help: relax it, or run the script on a target with another core (--target)\n"
        ),
    )


def test_a_layer_that_is_not_there(scripts):
    scripts.write('# /// script\n# [tool.envc]\n# base = "users"\n# ///\n')
    assert scripts.refused("plot.py") == (
        2,
        (
            "error: base 'users' is no layer of site canopy\n"
            "   at: plot.py:3 (tool.envc.base)\n"
            " help: did you mean user? use system, user\n"
        ),
    )


def test_two_blocks_are_one_too_many(scripts):
    scripts.write("# /// script\n# dependencies = []\n# ///\n\n# /// script\n# a = 1\n# ///\n")
    assert scripts.refused("plot.py") == (
        2,
        (
            "error: another block of script metadata\n"
            "   at: plot.py:5\n"
            " help: leave one: the first is at line 1\n"
        ),
    )
