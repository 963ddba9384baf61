"""One layer is upgraded, above or below the other, and the stack stays consistent."""

import subprocess

import pytest
from plain import VERSIONS, broken, install, output, pip, uninstall, wheel

from support.sites import envc

pytestmark = pytest.mark.slow


def test_an_upgrade_above_does_not_break_what_is_below(plain, world, wheels):
    _, top = plain
    words = ("install", "--quiet", "--no-index", "--find-links", wheels, "numpy==2.0.0")
    done = pip(top, *words)
    assert done.returncode == 0
    assert pip(top, "check").returncode == 1
    assert output(top / "bin/python", "-c", VERSIONS) == "2.0.0 1.11.0"

    python = world.alice / "bin/python"
    assert output(python, "-c", VERSIONS) == "2.0.0 1.14.0"
    assert pip(world.alice, "check").stdout == "No broken requirements found.\n"
    assert broken(python) == []


def test_an_upgrade_below_waits_until_the_overlay_is_compiled_for_it(plain, own_world, wheels):
    base, top = plain
    install(top, wheel(wheels, "old_numpy_user-1.0"))
    assert broken(top / "bin/python") == []
    uninstall(base, "numpy*")
    install(base, wheel(wheels, "numpy-2.0.0"))
    assert "old-numpy-user: numpy<2" in broken(top / "bin/python")

    site, bob = own_world.site, own_world.site.root / "bob"
    envc("overlay", "init", "--dir", bob, "--target", site.target)
    assert envc("overlay", "add", "old-numpy-user", "--dir", bob).status == 0
    site.edit('"numpy<2"', '"numpy>=2"')
    site.edit('"scipy==1.11.0"', '"scipy==1.14.0"')
    site.done("lock")
    site.materialize()
    assert output(site.target / "user/bin/python", "-c", VERSIONS) == "2.0.0 1.14.0"
    assert output(bob / "bin/python", "-c", VERSIONS) == "1.26.4 1.11.0"
    assert broken(bob / "bin/python") == []
    report = envc("overlay", "sync", "--dir", bob, "--json").json
    assert report["shadows"] == ["numpy"]
    assert broken(bob / "bin/python") == []


def test_a_shadow_is_told_and_ends_with_its_reason(plain, own_world, wheels):
    base, top = plain
    install(top, wheel(wheels, "six-1.16.0"))
    uninstall(base, "six*")
    install(base, wheel(wheels, "six-1.17.0"))
    code = "import six; print(six.__version__)"
    assert output(top / "bin/python", "-c", code) == "1.16.0"  # nobody is told

    words = ("--dir", own_world.alice, "--json")
    assert envc("overlay", "add", "six<1.17", *words).json["shadows"] == ["numpy", "six"]
    python = own_world.alice / "bin/python"
    assert output(python, "-c", code) == "1.16.0"
    assert output(own_world.user / "bin/python", "-c", code) == "1.17.0"
    assert envc("overlay", "remove", "six", *words).json["shadows"] == ["numpy"]
    assert output(python, "-c", code) == "1.17.0"


def test_a_package_of_two_projects_is_replaced_whole(plain, own_world, wheels):
    base, top = plain
    for name in ("suite_core-1.0", "suite_extra-1.0"):
        install(base, wheel(wheels, name))
    install(top, wheel(wheels, "suite_core-2.0"))
    code = "import suite.extra; print(suite.extra.core)"
    done = subprocess.run([top / "bin/python", "-c", code], capture_output=True, text=True)  # noqa: PLW1510 - its failure is the point
    assert "No module named 'suite.extra'" in done.stderr

    site = own_world.site
    site.edit('"pandas", ', '"pandas", "suite-core<2", "suite-extra", ')
    site.done("lock")
    site.materialize()
    words = ("--dir", own_world.alice, "--json")
    report = envc("overlay", "add", "suite-core>=2", *words).json
    assert (report["shadows"], report["lifts"]) == (
        ["numpy", "suite-core"],
        ["scipy", "suite-extra"],
    )
    assert output(own_world.alice / "bin/python", "-c", code) == "2"
    assert output(own_world.user / "bin/python", "-c", code) == "1"
    assert broken(own_world.alice / "bin/python") == []
    report = envc("overlay", "remove", "suite-core", *words).json
    assert (report["shadows"], report["lifts"]) == (["numpy"], ["scipy"])
    assert output(own_world.alice / "bin/python", "-c", code) == "1"


SEEN = """
import importlib.util
from importlib.metadata import distributions
points = [p.name for d in distributions() for p in d.entry_points if p.group == "moved.plugins"]
print(*(name for name in ("moved", "moved_old") if importlib.util.find_spec(name)), *points)
"""


def test_what_only_the_replaced_release_has_is_gone(plain, own_world, wheels):
    base, top = plain
    install(base, wheel(wheels, "moved-1.0"))
    install(top, wheel(wheels, "moved-2.0"))
    assert output(top / "bin/python", "-c", SEEN) == "moved moved_old new old"

    site = own_world.site
    site.edit('"pandas", ', '"pandas", "moved<2", ')
    site.done("lock")
    site.materialize()
    assert envc("overlay", "add", "moved>=2", "--dir", own_world.alice).status == 0
    assert output(own_world.user / "bin/python", "-c", SEEN) == "moved moved_old old"
    assert output(own_world.alice / "bin/python", "-c", SEEN) == "moved new"
