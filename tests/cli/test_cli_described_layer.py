"""A site's layer on an environment that envc did not build: locked, materialized, stood on."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from support.index_server import IndexServer
from support.prefixes import install, made_older, toy, write
from support.sites import SITE_PACKAGES, Answer, envc, envc_process, python
from support.vendor import WHEELS, vendor_prefix, vendor_site
from support.wheels import build_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    build_all(WHEELS, folder)
    return folder


@pytest.fixture
def nv(tmp_path):
    return vendor_prefix(tmp_path / "nv")


@pytest.fixture
def site(tmp_path, wheels, nv):
    return vendor_site(tmp_path, wheels, f"{nv}/bin/python")


def versions(folder: Path, *names: str) -> list[str]:
    code = "".join(f"import {name}; print({name}.__version__);" for name in names)
    return python(folder, code).split()


def test_lock_describes_what_is_not_described_yet_and_keeps_it_then(site, nv):
    answer = site.done("lock", "--json")
    assert {name: layer["pins"] for name, layer in answer.json["layers"].items()} == {
        "nv": {},
        "user": {"extra": "1.0"},
    }
    inventory = json.loads((site.folder / "base.nv.json").read_text())
    assert inventory["python"] == f"{nv}/bin/python"
    text = (site.folder / "base.nv.json").read_bytes()
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    answer = site.done("lock")
    assert "nv" in answer.stderr
    assert "new: later-1.0.dist-info" in answer.stderr
    assert (site.folder / "base.nv.json").read_bytes() == text
    assert site.done("lock", "--upgrade", "--json").json["changed"]
    assert "later" in (site.folder / "base.nv.json").read_text()


def test_lock_needs_no_interpreter_where_there_is_a_description(site, nv):
    site.done("lock")
    text = site.lock_text("user")
    nv.rename(nv.with_name("gone"))
    assert not site.done("lock", "--json").json["changed"]
    (site.folder / "pylock.user.toml").unlink()
    site.done("lock")
    assert site.lock_text("user") == text


def test_a_private_version_is_judged_as_what_it_stands_for(site):
    site.done("lock")
    site.overlay("alice", 'requires = ["model"]', base="nv")
    answer = site.done("lock", "--overlay", "overlays/alice.toml", "--json").json
    assert answer["layers"]["alice"]["pins"] == {"model": "1.0"}
    assert site.done("check", "--json").json["ok"]
    site.overlay("alice", 'requires = ["newer"]', base="nv")
    assert site.envc("lock", "--overlay", "overlays/alice.toml").status == 3


def test_what_is_compiled_is_replaced_where_both_name_it(site):
    site.done("lock")
    spec = site.overlay("alice", 'requires = ["fastnum>=2"]', base="nv")
    answer = site.envc("lock", "--overlay", spec)
    assert (answer.status, answer.stderr) == (
        3,
        (
            "error: overlay alice would replace compiled projects of its base: fastnum 1.26.4 by "
            "2.0.0, science 1.0 by 2.0; metadata does not tell what else there was compiled "
            "against them\n"
            "   at: overlays/alice.toml (overlay.replace)\n"
            " help: ask for a release that goes with what is there; or allow it: write "
            'replace = ["fastnum", "science"] below [overlay]; have the site\'s administrator '
            'write replace = ["fastnum", "science"] below [layer.nv] of the site, and run the '
            "same command again\n"
        ),
    )
    (found,) = site.envc("check", "--json").json["overlays"]
    assert "would replace compiled projects" in found["findings"][0]["message"]
    named = ('requires = ["fastnum>=2"]', 'replace = ["fastnum", "science"]')
    site.overlay("alice", *named, base="nv")
    answer = site.envc("lock", "--overlay", spec)
    assert answer.status == 3
    assert "below [overlay]" not in answer.stderr
    site.edit("[layer.user]", 'replace = ["fastnum"]\n\n[layer.user]')
    answer = site.envc("lock", "--overlay", spec)
    assert answer.status == 3
    assert "science 1.0 by 2.0" in answer.stderr
    assert not site.envc("check", "--json").json["ok"]
    site.edit('replace = ["fastnum"]', 'replace = ["fastnum", "science"]')
    report = site.done("lock", "--overlay", spec, "--json").json["layers"]["alice"]
    assert (report["shadows"], report["lifts"]) == (["fastnum"], ["science"])
    assert site.done("check", "--json").json["ok"]
    site.edit('replace = ["fastnum", "science"]', "replace = []")
    assert not site.envc("check", "--json").json["ok"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("stands-for", 'requires = ["tool"]\nstands-for', "a `described` layer is what is there"),
        ("stands-for", 'base = "user"\nstands-for', "(layer.nv.base)"),
        ('"2.8.0" }', '"2.8.0+nv" }', "'2.8.0+nv' is no release that an index could have"),
        ('requires = ["extra"]', 'changed-base = "warn"', "`changed-base` is for `described`"),
        ('requires = ["extra"]', "", "missing key\n   at: envc.toml:17 (layer.user.requires)"),
        ('base = "nv"', 'replace = ["fastnum"]', "`replace` is for `described` layers"),
        ('file = "base.nv.json"', 'file = "up/base.json"', "layer.nv.described.file"),
    ],
)
def test_a_layer_that_says_two_things_is_refused(site, old, new, said):
    site.edit(old, new)
    answer = site.envc("lock")
    assert answer.status == 2
    assert said in answer.stderr


@pytest.mark.parametrize("line", ['replace = ["numpy"]', 'changed-base = "warn"'])
def test_an_overlay_on_no_environment_has_nothing_to_replace_in_one(site, line):
    site.edit('base = "nv"\n', "")
    site.done("lock")
    site.overlay("alice", "requires = []", line)
    (found,) = site.envc("check", "--json").json["overlays"]
    key = line.partition(" ")[0]
    assert f"`{key}` is for overlays on an environment" in found["findings"][0]["message"]


def test_what_stands_for_something_is_there(site):
    site.edit("torchlike = ", 'nothing = "1.0", torchlike = ')
    answer = site.envc("lock")
    assert answer.status == 2
    assert "error: the environment of layer nv has no nothing\n" in answer.stderr


def test_an_environment_needs_an_interpreter(site, nv):
    site.edit(f'python = "{nv}/bin/python", ', "")
    answer = site.envc("lock")
    assert answer.status == 2
    assert "error: the layer names no interpreter, and neither does the core\n" in answer.stderr


@pytest.fixture
def built(site):
    site.done("lock")
    site.materialize()
    return site


def test_layers_and_overlays_stand_on_it(built, nv):
    assert versions(built.target / "nv", "fastnum", "torchlike", "tool") == [
        *("1.26.4", "2.8.0a0+nv25.5", "1.0")
    ]
    assert versions(built.target / "user", "extra", "science") == ["1.0", "1.0"]
    assert python(built.target / "user", "import loose; print(loose.answer)") == "42"
    ov = built.storage / "ov"
    built.done("overlay", "init", ov, "--base", "user", "--target", built.target)
    report = built.done("overlay", "add", "tool>=2", "model", "--dir", ov, "--json").json
    assert (report["adds"], report["shadows"]) == (["model"], ["tool"])
    assert versions(ov, "tool", "extra", "vision", "model") == ["3.0", "1.0", "1.0a0+nv", "1.0"]
    assert not list(nv.glob("**/*envc*"))
    ran = envc_process("run", "--overlay", ov, "--", "python", "-c", "import loose", cwd=ov)
    assert (ran.status, ran.stderr) == (0, "")
    assert built.done("overlay", "sync", "--dir", ov, "--json").json["changed"] is False


def test_a_node_is_held_to_what_was_described(built, nv):
    before = built.current()
    assert built.materialize()["changed"] is False
    made_older(nv / SITE_PACKAGES)
    write(nv / SITE_PACKAGES / "beside.py", "")  # no distribution comes or goes
    assert built.materialize()["changed"] is False
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    (nv / SITE_PACKAGES / "tool-1.0.dist-info").rename(nv / SITE_PACKAGES / "tool-1.1.dist-info")
    made_older(nv / SITE_PACKAGES)  # whoever looks at times alone sees nothing
    text = (
        f"error: this node has not what base.nv.json describes: {nv}/{SITE_PACKAGES}: gone: "
        "tool-1.0.dist-info, new: later-1.0.dist-info, new: tool-1.1.dist-info\n"
        f"   at: {nv}/bin/python\n"
        " help: bring that environment here; or describe the one that is here "
        f"(`envc describe {nv}/bin/python -o base.nv.json`), lock, and materialize that\n"
    )
    other = built.root / "other"
    answer = built.envc("materialize", "--target", other)
    assert (answer.status, answer.stderr) == (1, text)
    write(nv / SITE_PACKAGES / "now.py", "")
    answer = built.envc("materialize", "--target", built.target)
    assert (answer.status, answer.stderr, built.current()) == (1, text, before)
    built.done("lock", "--upgrade")
    assert built.materialize()["changed"]
    assert versions(built.target / "user", "later", "extra") == ["1.0", "1.0"]


def refused(folder: Path) -> str:
    done = subprocess.run(
        [folder / "bin/python", "-c", ""], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    return done.stderr


def test_nothing_starts_on_a_base_that_changed(built, nv):
    ov = built.storage / "ov"
    built.done("overlay", "init", ov, "--base", "nv", "--target", built.target)
    assert built.done("overlay", "sync", "--dir", ov, "--json").json["changed"] is False
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    mend = f"the administrator of {built.target} describes it anew, locks, and materializes"
    for tree, called in (
        (built.target / "nv", "the layer 'nv'"),
        (built.target / "user", "the layer 'user'"),
        (ov, "the overlay 'ov'"),
    ):
        said = refused(tree)
        assert f"the base that {called} was compiled for has changed: {nv}/{SITE_PACKAGES}" in said
        assert "new: later-1.0.dist-info" in said
        assert mend in said
    assert "changed-base" in refused(ov)
    assert "changed-base" not in refused(built.target / "nv")
    for words in (("--overlay", ov), ("--layer", "nv", "--target", built.target)):
        answer = envc_process("run", *words, "--", "true", cwd=built.root)
        assert answer.status == 1
        assert "new: later-1.0.dist-info" in answer.stderr
    answer = built.envc("overlay", "sync", "--dir", ov)
    assert answer.status == 1
    assert "new: later-1.0.dist-info" in answer.stderr
    built.done("lock", "--upgrade")
    built.materialize()
    built.done("overlay", "sync", "--dir", ov)
    assert versions(ov, "later", "tool") == ["1.0", "1.0"]


def test_who_says_so_is_warned_only(built, nv):
    ov = built.storage / "ov"
    built.done("overlay", "init", ov, "--base", "nv", "--target", built.target)
    spec = ov / "overlay.toml"
    spec.write_text(spec.read_text() + 'changed-base = "warn"\n')
    built.done("overlay", "sync", "--dir", ov)
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    assert versions(ov, "tool", "later") == ["1.0", "1.0"]
    answer = envc_process("run", "--overlay", ov, "--", "true", cwd=built.root)
    assert answer.status == 0
    assert "new: later-1.0.dist-info" in answer.stderr
    assert "new: later-1.0.dist-info" in refused(built.target / "user")


def photographed(folder: Path) -> dict[str, tuple[float, ...]]:
    """What a run that wrote, linked or removed anything would change."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_nlink, status.st_mtime, status.st_ctime)
    return found


def test_nothing_of_it_is_written_linked_shipped_or_removed(built, nv, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # that would be Python's own doing
    before = photographed(nv)
    target, ov = built.target, built.storage / "ov"
    built.done("overlay", "init", ov, "--base", "user", "--target", target)
    built.done("overlay", "add", "tool>=2", "--dir", ov)
    built.done("overlay", "pack", "--dir", ov)
    staged = built.done("stage", ov, "--to", built.root / "stage", "--json").json["path"]
    assert versions(Path(staged), "tool", "extra", "vision") == ["3.0", "1.0", "1.0a0+nv"]
    bundle = built.root / "site.envc"
    built.done("bundle", "-o", bundle)
    names = zipfile.ZipFile(bundle).namelist()
    assert sum(name.startswith("trees/") for name in names) == 2  # extra, and the start-up files
    built.done("materialize", "--target", built.root / "other", "--from", bundle, "--offline")
    assert versions(built.root / "other/user", "extra", "vision") == ["1.0", "1.0a0+nv"]
    for each in ("verify", "repair", "gc", "generations"):
        built.done(each, "--target", target)
    built.edit('requires = ["extra"]', 'requires = ["extra", "tool>=2"]')
    built.done("lock")
    assert built.materialize()["changed"]
    built.done("rollback", "--target", target)
    built.done("uninstall", "--target", target, "--yes")
    assert not target.exists()
    assert photographed(nv) == before


def test_what_looks_at_it_knows_that_it_is_not_envcs(built, nv):
    shown = built.done("tree", "--layer", "user").stdout
    assert shown.startswith("user on nv on ")
    assert " vision 1.0a0+nv  [nv]" in shown
    assert "the base " in built.done("why", "vision", "--layer", "user").stdout
    said = built.done("doctor", "--target", built.target).stdout
    assert f"ok       target: base: as it was described: {nv}/{SITE_PACKAGES}" in said
    record = built.target / "current/site/base.nv.json"
    record.parent.chmod(0o755)
    record.chmod(0o644)
    record.write_text("{}")
    assert built.envc("verify", "--target", built.target).status == 1
    built.done("repair", "--target", built.target)
    built.done("verify", "--target", built.target)
    install(nv / SITE_PACKAGES, toy("later", "1.0"))
    answer = built.envc("verify", "--target", built.target, "--json")
    assert answer.status == 1
    problem = {"layer": "environment", "kind": "changed", "project": None}
    assert answer.json["problems"] == [{**problem, "path": f"{nv}/{SITE_PACKAGES}"}]
    answer = built.envc("repair", "--target", built.target, "--json")
    assert (answer.status, answer.json["repaired"]) == (1, [])
    assert [each["where"] for each in answer.json["unrepaired"]] == ["environment"]
    said = built.envc("doctor", "--target", built.target).stdout
    assert "error    target: base: the base of nv has changed: " in said
    assert "new: later-1.0.dist-info" in said


def verdicts(answer: Answer) -> dict[str, str]:
    return {each["name"]: each["kind"] for each in answer.json["against"]["overlays"]}


def test_a_new_description_tells_whom_it_breaks(site, nv):
    site.done("lock")
    site.overlay("alice", 'requires = ["fastnum<2", "extra"]')
    site.overlay("bob", 'requires = ["extra"]', base="nv")
    site.overlay("carol", 'requires = ["model"]')
    for name in ("alice", "bob", "carol"):
        site.done("lock", "--overlay", f"overlays/{name}.toml")
    site.overlay("dan", 'requires = ["later"]')
    old = site.root / "old.json"
    shutil.copy(site.folder / "base.nv.json", old)
    new = nv / SITE_PACKAGES
    shutil.rmtree(new / "fastnum-1.26.4.dist-info")
    shutil.rmtree(new / "science-1.0.dist-info")
    install(new, toy("fastnum", "2.0.0", compiled=True))
    install(new, toy("later", "1.0"))
    nv.rename(nv.with_name("image"))
    image = nv.with_name("image") / "bin/python"
    site.done("describe", image, "-o", site.folder / "base.nv.json")
    site.edit(f'"{nv}/bin/python"', f'"{image}"')
    site.done("lock")
    image.unlink()  # whoever checks has no such environment
    answer = site.envc("check", "--against", old, "--json")
    assert answer.status == 1
    assert verdicts(answer) == {
        "alice": "broken",
        "bob": "unaffected",
        "carol": "unaffected",
        "dan": "mended",
    }
    assert "would replace compiled projects" in str(answer.json["overlays"][0]["findings"])
    before = site.root / "before"
    shutil.copytree(site.folder, before, symlinks=True)
    shutil.copy(old, before / "base.nv.json")
    assert verdicts(site.envc("check", "--against", before, "--json")) == verdicts(answer)


def test_a_lone_overlay_is_compared_on_two_descriptions(nv, tmp_path, wheels, monkeypatch):
    with IndexServer(wheels) as server:
        monkeypatch.setenv("ENVC_INDEX_URL", server.url)
        ov = tmp_path / "ov"
        assert envc("overlay", "init", ov, "--on", nv).status == 0
        assert envc("overlay", "add", "fastnum<2", "extra", "--dir", ov).status == 0
        old = tmp_path / "old.json"
        shutil.copy(ov / "base.json", old)
        shutil.rmtree(nv / SITE_PACKAGES / "fastnum-1.26.4.dist-info")
        shutil.rmtree(nv / SITE_PACKAGES / "science-1.0.dist-info")
        install(nv / SITE_PACKAGES, toy("fastnum", "2.0.0", compiled=True))
        assert envc("describe", nv, "-o", ov / "base.json").status == 0
        answer = envc("check", ov, "--against", old, "--json")
        assert (answer.status, verdicts(answer)) == (1, {"ov": "broken"})


def test_a_description_of_something_else_is_none_to_compare_with(site, tmp_path):
    site.done("lock")
    site.overlay("alice", "requires = []")
    (tmp_path / "old.json").write_text("{}")
    answer = site.envc("check", "--against", tmp_path / "old.json")
    assert answer.status == 2
    assert "not a description of an environment" in answer.stderr
