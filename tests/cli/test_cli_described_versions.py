"""How well a base is known is part of each verdict; and bases of which only versions are known."""

import json
from pathlib import Path

import pytest

from envc.described.ask import described_in
from envc.errors import UsageError
from envc.formats.inventory import inventory_from_json, inventory_to_json
from support.prefixes import install, prefix, toy
from support.sites import PYTHON, Answer, SiteFolder, envc, over_wheels
from support.wheels import build_all

FROZEN = """\
# what pip freeze prints
fastnum==1.26.4
Tool[fast] == 1.0 ; python_version > "3"
torch==2.8.0a0+nv25.5 \\
    --hash=sha256:00
--index-url https://example.invalid/simple
-e /home/mine
other @ file:///tmp/other.whl
old==2004d
"""
WHEELS = (toy("extra", "1.0", "tool>=1"), toy("tool", "2.0"), toy("late", "1.0", "tool>=2"))
SPEC = """\
[layer.nv]
described = {{ python = "/opt/nv/bin/python{python}", file = "base.nv.json" }}
replace = ["tool"]

[overlays]
specs = ["overlays/*.toml"]
"""


def listed(tmp_path: Path, text: str, python: str | None = "3.11.9"):
    (tmp_path / "list.txt").write_text(text)
    return described_in(f"{tmp_path}/list.txt", python)


def test_what_pip_freeze_prints(tmp_path):
    inventory = listed(tmp_path, FROZEN, "/opt/nv/bin/python3.11")
    found = {str(each.project): each.version for each in inventory.visible()}
    assert found == {"fastnum": "1.26.4", "tool": "1.0", "torch": "2.8.0a0+nv25.5"}
    assert all(each.is_listed and each.is_compiled for each in inventory.distributions)
    assert (inventory.python, inventory.python_full) == ("/opt/nv/bin/python3.11", "3.11.0")
    assert inventory.known() == "versions"
    assert inventory.unread[1:] == (
        "-e /home/mine: is no project with a version",
        "other @ file:///tmp/other.whl: is no project with a version",
        "old 2004d: is no project with a version",
    )
    assert inventory_from_json(inventory_to_json(inventory), "base.json") == inventory


def test_what_pip_list_prints(tmp_path):
    text = json.dumps([{"name": "Tool", "version": "1.0"}, {"name": "fastnum", "version": "2"}])
    assert [each.project for each in listed(tmp_path, text).visible()] == ["fastnum", "tool"]


def test_what_conda_list_prints_tells_its_python_and_which_projects_are_python_s(tmp_path):
    builds = {
        "numpy": ("1.26.4", "py311h64a7726_0"),
        "idna": ("3.7", "pyhd8ed1ab_0"),
        "mine": ("1.0", "pypi_0"),
        "openssl": ("3.3.0", "h4ab18f5_3"),
        "python": ("3.11.9", "hb806964_0_cpython"),
    }
    text = json.dumps(
        [
            {"name": name, "version": version, "build_string": build, "platform": "linux-64"}
            for name, (version, build) in builds.items()
        ]
    )
    inventory = listed(tmp_path, text, None)
    assert [each.project for each in inventory.visible()] == ["idna", "mine", "numpy"]
    assert (inventory.python_full, inventory.platform) == ("3.11.9", "linux-x86_64")


@pytest.mark.parametrize(
    ("text", "python", "told"),
    [
        ("a==1\n", None, "a list of versions does not tell which Python it is of"),
        ("a==1\n", "/opt/nv/bin/python3", "/opt/nv/bin/python3 does not tell which Python that is"),
        ('[{"version": "1"}]', "3.11", "this is no list of projects: KeyError: 'name'"),
        ('["version"]', "3.11", "this is no list of projects: TypeError"),
        ("[" * 100_000 + '"version"', "3.11", "this is no list of projects: "),
    ],
)
def test_what_is_no_list_is_said(tmp_path, text, python, told):
    with pytest.raises(UsageError) as refused:
        listed(tmp_path, text, python)
    assert refused.value.faults[0].what.startswith(told)


@pytest.fixture
def site(tmp_path):
    """A site whose layer `nv` is known by versions alone."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    build_all(WHEELS, wheels)
    (tmp_path / "frozen.txt").write_text(FROZEN)
    site = SiteFolder(tmp_path, wheels).write(over_wheels(SPEC.replace("{python}", PYTHON)))
    python = f"/opt/nv/bin/python{PYTHON}"
    list_of = (tmp_path / "frozen.txt", "--python", python, "-o", site.folder / "base.nv.json")
    assert envc("describe", *list_of).status == 0
    site.done("lock")
    return site


def verdict_on(site: SiteFolder, *lines: str) -> dict[str, object]:
    spec = site.folder / "overlays/ov.toml"
    spec.parent.mkdir(exist_ok=True)
    head = ["version = 1", "[overlay]", 'name = "ov"', 'base = "nv"']
    spec.write_text("\n".join([*head, *lines]))
    (verdict,) = checked(site, "--json").json["overlays"]
    return verdict


def checked(site: SiteFolder, *words: str) -> Answer:
    return envc("check", "--site", site.folder, *words)


def codes_of(verdict) -> list[str]:
    return [each["code"] for each in verdict["findings"] if each["severity"] == "error"]


@pytest.mark.slow
def test_nothing_is_ok_on_versions_but_what_adds_nothing(site):
    alone = verdict_on(site, "requires = []")
    assert (alone["ok"], alone["base_known"], codes_of(alone)) == (True, "versions", [])
    assert "     its base is known by versions only\n" in checked(site).stdout
    adds = verdict_on(site, 'requires = ["extra"]')
    assert (adds["adds"], codes_of(adds)) == (["extra"], ["ENVC410"])
    replaces = verdict_on(site, 'requires = ["late"]', 'replace = ["tool"]')
    assert (replaces["shadows"], codes_of(replaces)) == (["tool"], ["ENVC410", "ENVC412"])


@pytest.mark.slow
def test_what_is_not_known_is_judged_once(site):
    verdict_on(site, 'requires = ["extra"]')
    report = checked(site, "--json").json
    assert (report["checked"], report["reused"], report["ok"]) == (0, 1, False)


@pytest.mark.slow
def test_no_node_is_held_to_a_list(site):
    answer = envc("materialize", "--site", site.folder, "--target", site.target)
    assert answer.status == 1
    assert "it was described by a list of versions" in answer.stderr
    assert not (site.target / "current").exists()


@pytest.mark.slow
@pytest.mark.parametrize("is_known", [True, False])
def test_a_verdict_says_how_well_its_base_is_known(tmp_path, toy_index, monkeypatch, is_known):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)
    folder = prefix(tmp_path / "nv")
    install(folder, toy("tool", "1.0"))
    if not is_known:
        (folder / "tool-1.0.dist-info/RECORD").unlink()
    assert envc("overlay", "init", tmp_path / "ov", "--on", tmp_path / "nv").status == 0
    (verdict,) = envc("check", tmp_path / "ov", "--json").json["overlays"]
    assert verdict["base_known"] == ("files" if is_known else "metadata")
