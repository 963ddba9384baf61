"""The story end to end: a site, its common layers, alice's overlay, and an upgrade below her."""

import json
import subprocess

import pytest

from support.sites import SiteFolder, envc, python

pytestmark = pytest.mark.slow

VERSIONS = (
    "import numpy, scipy, pandas; print(numpy.__version__, scipy.__version__, pandas.__file__)"
)


@pytest.fixture
def alice(warm: SiteFolder):
    """alice's folder on a materialized site; she asks for polars, which needs numpy 2."""
    warm.materialize()
    folder = warm.root / "alice"
    assert envc("overlay", "init", "--dir", folder, "--target", warm.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", folder).status == 0
    return folder


def test_alice_has_what_she_wants_and_everybody_else_what_they_had(warm, alice):
    numpy, scipy, pandas = python(alice, VERSIONS).split()
    assert (numpy, scipy) == ("2.0.0", "1.14.0")
    assert pandas.startswith(f"{warm.target}/generations/000001/user/")
    numpy, scipy, _ = python(warm.target / "user", VERSIONS).split()
    assert (numpy, scipy) == ("1.26.4", "1.11.0")


def test_what_she_sees_is_consistent(alice):
    """The metadata that the process itself sees: every requirement met, no project twice."""
    code = """
import json
from importlib.metadata import distributions
print(json.dumps([[d.name, d.version, d.requires or []] for d in distributions()]))
"""
    from packaging.requirements import Requirement

    found = json.loads(python(alice, code))
    versions = {name: version for name, version, _ in found}
    assert len(versions) == len(found)
    for _, _, requires in found:
        for requirement in map(Requirement, requires):
            assert requirement.specifier.contains(versions[requirement.name])


def test_an_upgrade_below_her_waits_for_her_sync(warm, alice):
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.done("lock")
    assert warm.materialize()["generation"] == 2
    code = "import six; print(six.__version__, six.__file__)"
    version, file = python(alice, code).split()
    assert version == "1.17.0"
    assert file.startswith(f"{warm.target}/generations/000001/")
    report = envc("overlay", "sync", "--dir", alice, "--json").json
    assert (report["changed"], report["shadows"], report["lifts"]) == (True, ["numpy"], ["scipy"])
    version, file = python(alice, code).split()
    assert version == "1.16.0"
    assert file.startswith(f"{warm.target}/generations/000002/")


def test_an_upgrade_that_breaks_her_is_known_beforehand(warm):
    """CI: the same spec is fine on the present base and not on a constrained one."""
    warm.overlay("alice", 'requires = ["polars"]')
    assert warm.envc("check").status == 0
    warm.edit("env = {", 'constraints = ["numpy<2"]\nenv = {')
    warm.done("lock")
    answer = warm.envc("check", "--json")
    assert answer.status == 1
    (finding, *_) = answer.json["overlays"][0]["findings"]
    assert (finding["code"], finding["projects"]) == ("ENVC201", ["numpy"])


def test_without_her_base_her_interpreter_says_so_and_names_the_mend(warm, alice):
    warm.edit('"pandas"', '"pandas", "six<1.17"')
    warm.done("lock")
    warm.materialize()
    for name in (warm.target / "by-lock").iterdir():
        if str(name.readlink()).endswith("000001"):
            name.unlink()
    command = [f"{alice}/bin/python", "-c", "pass"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this node does not hold the base 'user'" in done.stderr
    assert "`envc overlay sync`" in done.stderr
    assert envc("overlay", "sync", "--dir", alice).status == 0
    assert python(alice, "import six; print(six.__version__)") == "1.16.0"


def test_an_overlay_on_her_overlay(warm, alice):
    folder = warm.root / "bob"
    folder.mkdir()
    (folder / "overlay.toml").write_text(
        'version = 1\n[overlay]\nname = "bob"\nbase = "alice"\nbase-dir = "../alice"\n'
        'requires = ["theme"]\n'
    )
    words = ("overlay", "sync", "--dir", folder, "--target", warm.target, "--json")
    report = envc(*words).json
    assert (report["adds"], report["base"]) == (["theme"], "alice")
    assert python(folder, VERSIONS).split()[:2] == ["2.0.0", "1.14.0"]
    code = "import polars, theme, report; print(polars.__file__, report.__file__)"
    polars, common = python(folder, code).split()
    assert polars.startswith(f"{alice}/generations/000002/")
    assert common.startswith(f"{warm.target}/generations/000001/system/")
