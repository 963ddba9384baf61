"""`envc overlay init --on`: a layer of one's own on an environment that envc did not build."""

import getpass
import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from support.prefixes import COMPILED, editable, egg_info, install, made_older, prefix, toy, write
from support.sites import PYTHON, SITE_PACKAGES, Answer, envc, envc_process, python
from support.wheels import Recipe

pytestmark = pytest.mark.slow

WHEELS = (
    toy("tool", "2.0"),
    toy("tool", "3.0"),
    toy("fastnum", "2.0.0"),
    toy("fastnum", "1.26.4"),
    toy("absent", "1.0"),
    toy("absent", "3.0"),
    toy("extra", "1.0", "tool>=1"),
    toy("choosy", "2.0", "fastnum>=2"),
    toy("choosy", "1.0", "fastnum>=1"),
    toy("solver", "1.0", "tool<2"),
    toy("science", "2.0", "fastnum>=2"),
)
SEEN = """\
import json
from importlib.metadata import distributions
print(json.dumps(sorted(f"{d.metadata['Name']} {d.version}" for d in distributions())))
"""


@pytest.fixture(autouse=True)
def _meant(toy_index, monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)


@pytest.fixture
def base(tmp_path):
    """A vendor's prefix: a compiled project, one on top of it, pure ones, and one of no project."""
    site = prefix(tmp_path / "nv")
    install(site, toy("fastnum", "1.26.4", compiled=True))
    install(site, toy("science", "1.0.dev1+nv25.5", "fastnum<2", "absent>=2"))
    install(site, toy("tool", "1.0"))
    egg_info(site, "old", "1.0")
    write(site / "loose.py", "answer = 42\n")
    made_older(site)
    return tmp_path / "nv"


@pytest.fixture
def ov(tmp_path):
    return tmp_path / "ov"


def init(folder: Path, base: Path | str) -> None:
    answer = envc("overlay", "init", folder, "--on", base)
    assert answer.status == 0, answer.stderr


def ran(*words: object) -> Answer:
    return envc_process("run", *words, cwd=Path.cwd())


def done(*words: object) -> str:
    answer = envc(*words)
    assert answer.status == 0, answer.stderr
    return answer.stderr


def versions(folder: Path, *names: str) -> list[str]:
    code = "".join(f"import {name}; print({name}.__version__);" for name in names)
    return python(folder, code).split()


def test_a_new_one_sees_all_that_is_there(base, ov):
    answer = envc("overlay", "init", ov, "--on", base)
    assert (answer.status, answer.stderr) == (
        0,
        (
            "ov on base: switched to generation 1\n"
            f"  inherits 4 projects from {base}/bin/python3\n"
            f"  run {ov}/bin/python\n"
        ),
    )
    assert versions(ov, "fastnum", "science", "tool", "old") == [
        *("1.26.4", "1.0.dev1+nv25.5", "1.0", "1.0")
    ]
    assert json.loads(python(ov, SEEN)) == [
        *("fastnum 1.26.4", "old 1.0", "science 1.0.dev1+nv25.5", "tool 1.0")
    ]
    spec = tomllib.loads((ov / "overlay.toml").read_text())
    assert spec["overlay"]["on"] == {"python": f"{base}/bin/python3"}
    assert not (ov / "location.toml").exists()


def test_what_belongs_to_no_project_and_what_comes_later_can_be_imported(base, ov):
    init(ov, base)
    assert python(ov, "import loose; print(loose.answer)") == "42"
    write(base / SITE_PACKAGES / "later.py", "")
    assert python(ov, "import later, sys; print(len(sys.path))")


def test_adds_a_project(base, ov):
    init(ov, base)
    report = envc("overlay", "add", "extra", "--dir", ov, "--json").json
    assert (report["adds"], report["shadows"], report["inherits"]) == (["extra"], [], 4)
    assert (report["target"], report["on"]) == ("", f"{base}/bin/python3")
    assert versions(ov, "extra", "tool") == ["1.0", "1.0"]


def test_replaces_a_pure_project(base, ov):
    init(ov, base)
    report = envc("overlay", "add", "tool>=2", "--dir", ov, "--json").json
    assert (report["shadows"], report["inherits"]) == (["tool"], 3)
    assert versions(ov, "tool", "fastnum", "old") == ["3.0", "1.26.4", "1.0"]
    assert python(ov, "import loose; print(loose.answer)") == "42"
    assert "tool 1.0" not in json.loads(python(ov, SEEN))
    shown = {path.name for path in (ov / f"lib/python{PYTHON}/bases/base").iterdir()}
    assert shown >= {"fastnum", "loose.py", "old", "science"}
    assert "tool" not in shown


def test_a_compiled_one_is_replaced_only_by_name(base, ov):
    init(ov, base)
    spec = (ov / "overlay.toml").read_text()
    answer = envc("overlay", "add", "fastnum>=2", "--dir", ov)
    assert (answer.status, answer.stderr) == (
        3,
        (
            "error: overlay ov would replace compiled projects of its base: fastnum 1.26.4 by "
            "2.0.0; metadata does not tell what else there was compiled against them\n"
            f"   at: {ov}/overlay.toml (overlay.replace)\n"
            " help: ask for a release that goes with what is there; or allow it: write "
            'replace = ["fastnum"] below [overlay], and run the same command again\n'
        ),
    )
    assert (ov / "overlay.toml").read_text() == spec
    (ov / "overlay.toml").write_text(f'{spec}replace = ["fastnum"]\n')
    report = envc("overlay", "add", "fastnum>=2", "--dir", ov, "--json").json
    assert (report["shadows"], report["lifts"]) == (["fastnum"], ["science"])
    assert versions(ov, "fastnum", "science") == ["2.0.0", "2.0"]


def test_an_older_release_goes_with_what_is_compiled(base, ov):
    init(ov, base)
    done("overlay", "add", "choosy", "--dir", ov)
    assert versions(ov, "choosy", "fastnum") == ["1.0", "1.26.4"]


def test_what_the_base_lacks_is_not_brought_and_binds_who_asks(base, ov):
    init(ov, base)
    report = envc("overlay", "add", "extra", "--dir", ov, "--json").json
    assert report["adds"] == ["extra"]
    answer = envc("overlay", "add", "absent<2", "--dir", ov)
    assert answer.status == 3
    assert f"science 1.0.dev1+nv25.5 of the base {base}/bin/python3" in answer.stderr
    done("overlay", "add", "absent", "--dir", ov)
    assert versions(ov, "absent") == ["3.0"]


def test_a_private_version_is_judged_as_what_it_stands_for(base, ov):
    init(ov, base)
    spec = (ov / "overlay.toml").read_text()
    assert envc("overlay", "add", "science>=1", "--dir", ov).status == 3
    (ov / "overlay.toml").write_text(f'{spec}stands-for = {{ science = "1.0" }}\n')
    report = envc("overlay", "add", "science>=1", "--dir", ov, "--json").json
    assert (report["adds"], report["shadows"]) == ([], [])
    assert versions(ov, "science") == ["1.0.dev1+nv25.5"]
    assert envc("check", ov, "--json").json["ok"]


def test_what_the_base_breaks_is_not_inherited(base, ov):
    install(base / SITE_PACKAGES, toy("science", "1.0.dev1+nv25.5", "fastnum>=7"))
    init(ov, base)
    assert envc("overlay", "add", "extra", "--dir", ov, "--json").json["adds"] == ["extra"]


def test_a_conflict_is_explained(base, ov):
    init(ov, base)
    answer = envc("overlay", "add", "solver", "tool>=2", "--dir", ov)
    assert answer.status == 3
    assert "solver 1.0 requires tool<2" in answer.stderr
    assert "tool>=2" in answer.stderr


def test_nothing_to_do_is_told(base, ov):
    init(ov, base)
    assert "unchanged: on generation 1" in done("overlay", "sync", "--dir", ov)


def test_an_answer_is_not_given_again_when_the_base_has_changed(base, ov, tmp_path):
    init(ov, base)
    for _ in range(2):
        answer = envc_process("overlay", "sync", "--dir", ov, cwd=tmp_path)
        assert "unchanged" in answer.stderr
    install(base / SITE_PACKAGES, toy("newcomer", "1.0"))
    answer = envc_process("overlay", "sync", "--dir", ov, cwd=tmp_path)
    assert "inherits 5 projects" in answer.stderr


def test_a_base_that_changed_is_told_and_compiled_for(base, ov):
    init(ov, base)
    site = base / SITE_PACKAGES
    (site / "tool-1.0.dist-info").rename(site / "gone")
    install(site, toy("tool", "1.5"))
    for flags in ([], ["-I"]):
        answer = subprocess.run(
            [ov / "bin/python", *flags, "-c", "pass"], capture_output=True, check=False
        )
        assert answer.returncode == 1
        assert b"gone: tool-1.0.dist-info\n  new: tool-1.5.dist-info" in answer.stderr
        assert f"`envc overlay sync --dir {ov}`".encode() in answer.stderr
    run = ran("--overlay", ov, "--", "true")
    assert run.status == 1
    assert "gone: tool-1.0.dist-info, new: tool-1.5.dist-info" in run.stderr
    assert "gone: tool-1.0.dist-info" in envc("doctor", "--overlay", ov).stdout
    check = envc("check", ov)
    assert "gone: tool-1.0.dist-info" in check.stdout
    done("overlay", "sync", "--dir", ov)
    assert versions(ov, "tool") == ["1.5"]
    assert envc("check", ov).status == 0


def test_a_changed_base_may_be_warned_of(base, ov):
    init(ov, base)
    with (ov / "overlay.toml").open("a") as file:
        file.write('changed-base = "warn"\n')
    done("overlay", "sync", "--dir", ov)
    install(base / SITE_PACKAGES, toy("newcomer", "1.0"))
    answer = subprocess.run(
        [ov / "bin/python", "-c", "print('runs')"], capture_output=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, b"runs\n")
    assert b"new: newcomer-1.0.dist-info" in answer.stderr


def test_a_base_that_was_only_touched_starts(base, ov):
    init(ov, base)
    os.utime(base / SITE_PACKAGES)
    assert versions(ov, "tool") == ["1.0"]
    assert ran("--overlay", ov, "--", f"{ov}/bin/python", "-c", "pass").status == 0


def test_a_base_that_is_gone_is_told(base, ov):
    init(ov, base)
    base.rename(base.parent / "away")
    answer = subprocess.run([ov / "bin/python", "-c", "pass"], capture_output=True, check=False)
    assert answer.returncode == 1
    assert f"is not here: {base}/{SITE_PACKAGES}".encode() in answer.stderr


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """Three prefixes that PYTHONPATH joins, as modules of a cluster do; the first has a double."""
    for name, recipe in (("a", toy("tool", "1.0")), ("b", toy("fastnum", "1.26.4", compiled=True))):
        install(tmp_path / name, recipe)
    install(tmp_path / "c", toy("tool", "0.5"))
    install(tmp_path / "c", toy("science", "1.0", "fastnum"))
    monkeypatch.setenv("PYTHONPATH", ":".join(f"{tmp_path}/{name}" for name in "abc"))
    monkeypatch.setenv("LOADEDMODULES", "SciPy-bundle/2026.05")
    prefix(tmp_path / "core")
    return tmp_path


CHILD = """\
import subprocess, sys
done = subprocess.run([sys.executable, "-c", sys.argv[1]], capture_output=True, text=True)
print(done.stdout, end="")
"""


def test_what_pythonpath_names_stands_behind_the_overlay(chain, ov, monkeypatch):
    init(ov, chain / "core")
    spec = tomllib.loads((ov / "overlay.toml").read_text())["overlay"]["on"]
    assert spec["paths"] == [f"{chain}/{name}" for name in "abc"]
    assert spec["modules"] == ["SciPy-bundle/2026.05"]
    done("overlay", "add", "tool>=2", "--dir", ov)
    asked = "import tool; print(tool.__version__)"
    assert python(ov, asked) == "3.0"
    assert python(ov, CHILD, asked) == "3.0"
    assert json.loads(python(ov, SEEN)) == ["fastnum 1.26.4", "science 1.0", "tool 3.0"]
    # Without the variable, too; and what is foreign in it stays in front.
    monkeypatch.delenv("PYTHONPATH")
    assert versions(ov, "tool", "science") == ["3.0", "1.0"]
    install(chain / "mine", toy("tool", "9.0"))
    monkeypatch.setenv("PYTHONPATH", f"{chain}/mine:{chain}/a/../a/")
    assert python(ov, asked) == "9.0"
    path = json.loads(python(ov, "import json, sys; print(json.dumps(sys.path))"))
    assert f"{chain}/mine" in path[:2]
    assert not [entry for entry in path if entry.startswith(f"{chain}/a")]


def test_a_chain_of_folders_may_be_named(chain, ov, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    folders = [f"{chain}/{name}" for name in "abc"]
    monkeypatch.setenv("PATH", f"{chain}/core/bin:{os.environ['PATH']}")
    init(ov, ":".join(folders))
    done("overlay", "add", "tool>=2", "--dir", ov)
    assert versions(ov, "tool", "science", "fastnum") == ["3.0", "1.0", "1.26.4"]


def test_modules_are_asked_for_when_they_are_missing(chain, ov, monkeypatch):
    init(ov, chain / "core")
    assert "module load" not in ran("--overlay", ov, "--", "true").stderr
    monkeypatch.delenv("LOADEDMODULES")
    install(chain / "a", toy("newcomer", "1.0"))
    os.utime(chain / "a", (1, 1))
    answer = envc("overlay", "sync", "--dir", ov)
    assert answer.status == 2
    assert "module load SciPy-bundle/2026.05" in answer.stderr


def test_an_editable_project_of_the_base_is_replaced(base, ov, tmp_path):
    editable(base / SITE_PACKAGES, tmp_path / "mine", "absent", "0.1")
    init(ov, base)
    assert versions(ov, "absent") == ["0.1"]
    done("overlay", "add", "absent>=1", "--dir", ov)
    assert versions(ov, "absent") == ["3.0"]


def test_an_egg_of_the_base_is_replaced(base, ov):
    site = base / SITE_PACKAGES
    egg = site / "absent-0.1-py3.egg"
    text = "Metadata-Version: 1.1\nName: absent\nVersion: 0.1\n"
    write(egg / "EGG-INFO" / "PKG-INFO", text)
    write(egg / "absent.py", "__version__ = '0.1'\n")
    write(site / "easy-install.pth", f"./{egg.name}\n")
    init(ov, base)
    assert versions(ov, "absent") == ["0.1"]
    done("overlay", "add", "absent>=1", "--dir", ov)
    assert versions(ov, "absent") == ["3.0"]
    assert "absent 0.1" not in json.loads(python(ov, SEEN))


def test_commands_of_the_base_run_in_the_overlay(base, ov):
    main = "import sys\ndef main():\n    print(sys.prefix)\n"
    recipe = Recipe(
        name="vendor",
        version="1.0",
        files={"vendor.py": main},
        console_scripts={"vendor": "vendor:main"},
    )
    install(base / SITE_PACKAGES, recipe)
    init(ov, base)
    ran = subprocess.run([ov / "bin/vendor"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"{ov}/generations/")


def test_what_looks_at_it_needs_no_site(base, ov):
    init(ov, base)
    done("overlay", "add", "tool>=2", "--dir", ov)
    assert "tool 3.0  [ov]" in envc("tree", "--overlay", ov).stdout
    assert "fastnum 1.26.4  [base]" in envc("why", "fastnum", "--overlay", ov).stdout
    assert "replaces tool" in envc("check", ov).stdout
    assert envc("lock", "--overlay", ov, "--check").status == 0
    assert envc("doctor", "--overlay", ov).status == 0
    form = ("--format", "requirements")
    assert "tool==3.0" in envc("export", "--overlay", ov, *form).stdout
    assert envc("verify", "--target", ov).status == 0
    done("overlay", "upgrade", "--dir", ov)
    done("rollback", "--target", ov)
    assert versions(ov, "tool") == ["1.0"]
    done("overlay", "sync", "--dir", ov)
    assert versions(ov, "tool") == ["3.0"]
    done("overlay", "remove", "tool", "--dir", ov)
    assert versions(ov, "tool") == ["1.0"]


def test_what_needs_a_target_says_so(base, ov, tmp_path):
    init(ov, base)
    for words in (
        ("overlay", "pack", "--dir", ov, "-o", tmp_path / "x.envc"),
        ("stage", ov),
        ("export", "--overlay", ov, "--flat"),
    ):
        answer = envc(*words)
        assert answer.status == 2
        assert "an environment that envc did not build" in answer.stderr


def test_no_overlay_stands_on_it_yet(base, ov, tmp_path):
    init(ov, base)
    text = 'version = 1\n\n[overlay]\nname = "top"\nbase = "ov"\nbase-dir = "../ov"\n'
    write(tmp_path / "top" / "overlay.toml", text)
    answer = envc("overlay", "sync", "--dir", tmp_path / "top")
    assert answer.status == 2
    assert "no other overlay can stand on it yet" in answer.stderr


def test_a_site_judges_none_of_them(base, ov, built, tmp_path):
    init(ov, base)
    verdict = envc("check", ov / "overlay.toml", "--site", built.folder, "--json").json
    (finding,) = verdict["overlays"][0]["findings"]
    assert finding["severity"] == "error"
    assert "stands on an environment that envc did not build" in finding["message"]


def test_a_site_collects_none_of_them(base, site):
    storage = site.storage / getpass.getuser()
    storage.mkdir()
    init(storage / "mine", base)
    report = envc("overlay", "collect", "--site", site.folder, "--json").json
    assert report["overlays"] == []
    assert "that envc did not build" in report["left_out"][f"{storage}/mine"]


def test_an_unknown_base_is_no_ok(base, ov):
    info = base / SITE_PACKAGES / "fastnum-1.26.4.dist-info"
    (info / "RECORD").unlink()
    (base / SITE_PACKAGES / "fastnum").rename(base / SITE_PACKAGES / "elsewhere")
    init(ov, base)
    done("overlay", "add", "extra", "--dir", ov)
    assert "fastnum" in envc("check", ov).stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('base = "user"\non = { python = "/usr/bin/python3" }', "stands on `base` or `on`"),
        ("", "missing key"),
        ('on = { python = "python3" }', "overlay.on.python"),
        ('base = "user"\nstands-for = { numpy = "2.0" }', "a site's layer says it for all"),
        ('base = "user"\nchanged-base = "maybe"', "'maybe' is none of"),
    ],
)
def test_a_spec_that_says_two_things_is_refused(ov, text, said):
    write(ov / "overlay.toml", f'version = 1\n\n[overlay]\nname = "ov"\n{text}\n')
    answer = envc("overlay", "sync", "--dir", ov)
    assert answer.status == 2
    assert said in answer.stderr


def test_a_name_needs_a_folder(base):
    answer = envc("overlay", "init", "plots", "--on", base)
    assert answer.status == 2
    assert "./plots" in answer.stderr


def test_a_compiled_part_is_told_by_the_record(base):
    assert (base / SITE_PACKAGES / "fastnum" / COMPILED).exists()
    assert envc("describe", base, "--json").json["projects"]["fastnum"]["compiled"] is True
