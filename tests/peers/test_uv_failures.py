"""Four failures of uv, each beside what envc does with the same wheels.

What uv does is asserted as well: it is why envc does it otherwise. Where a later uv no longer
fails, the test says so and skips.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.sites import SITE_PACKAGES, Answer, SiteFolder, envc_process, over_wheels
from support.uv import UV
from support.wheels import Recipe, build_all

SPEC = over_wheels("""\
[layer.user]
requires = ["demo"]
""")

MODULES = [f"part_{letter}/module_{number}.py" for letter in "abcdefgh" for number in range(5)]
WHEELS = (
    Recipe(name="demo", version="1.0", files={"demo.py": "answer = 42\n"}),
    Recipe(name="big", version="1.0", files=dict.fromkeys(MODULES, "x = 1\n")),
    Recipe(name="clash-one", version="1.0", files={"clash/data.txt": "one\n"}),
    Recipe(name="clash-two", version="1.0", files={"clash/data.txt": "two\n"}),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(UV is None, reason="uv is not here"),
]


def run(command: Sequence[object], cwd: Path) -> Answer:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def no_longer(what: str) -> None:
    """Leave the test: envc's side has passed, and uv has got better."""
    pytest.skip(f"{run([UV, '--version'], Path.cwd()).stdout.strip()} no longer {what}")


@dataclass(frozen=True)
class Uv:
    """uv with a cache of its own; it installs from a folder of wheels, and no index is asked."""

    root: Path
    wheels: Path

    @property
    def cache(self) -> Path:
        return self.root / "uv-cache"

    def site_packages(self, name: str) -> Path:
        return self.root / name / SITE_PACKAGES

    def command(self, name: str, *requirements: str, options: Sequence[str] = ()) -> list[object]:
        """The command that makes an environment what these requirements say."""
        self.root.mkdir(exist_ok=True)
        listing = self.root / f"{name}.txt"
        listing.write_text("".join(f"{requirement}\n" for requirement in requirements))
        words = ["pip", "sync", listing, "--python", f"{self.root}/{name}/bin/python"]
        words += ["--offline", "--no-index", "--find-links", self.wheels, *options]
        return [UV, *words, "--link-mode", "hardlink", "--cache-dir", self.cache]

    def venv(self, name: str) -> None:
        command = [UV, "venv", "--offline", "--python", sys.executable, self.root / name]
        answer = run([*command, "--cache-dir", self.cache], self.wheels)
        assert answer.status == 0, answer.stderr

    def install(self, name: str, *requirements: str, options: Sequence[str] = ()) -> Answer:
        """Make the environment if need be, and sync it; it must succeed."""
        if not (self.root / name).exists():
            self.venv(name)
        answer = run(self.command(name, *requirements, options=options), self.wheels)
        assert answer.status == 0, answer.stderr
        return answer

    def check(self, name: str) -> Answer:
        words = ["pip", "check", "--python", f"{self.root}/{name}/bin/python"]
        return run([UV, *words, "--cache-dir", self.cache], self.wheels)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    build_all(WHEELS, folder)
    return folder


@pytest.fixture
def uv(tmp_path: Path, wheels: Path) -> Uv:
    return Uv(tmp_path / "uv", wheels)


@pytest.fixture
def ours(tmp_path: Path, wheels: Path) -> SiteFolder:
    return SiteFolder(tmp_path / "envc", wheels).write(SPEC)


def test_edit_through_a_hard_link(uv: Uv, ours: SiteFolder) -> None:
    """uv: every later environment has the edit. envc: it is found, and mended everywhere."""
    ours.done("lock")
    ours.materialize()
    first = ours.target / "user" / SITE_PACKAGES / "demo.py"
    assert first.stat().st_mode & 0o222 == 0, "nobody edits it by accident"
    assert first.stat().st_nlink == 2, "the generation's and the store's"
    _edit(first)
    ours.edit('"demo"]', '"demo", "big"]')
    ours.done("lock")
    ours.materialize()
    copies = [
        ours.target / "generations" / number / "user" / SITE_PACKAGES / "demo.py"
        for number in ("000001", "000002")
    ]
    for options in ((), ("--fast",)):
        answer = ours.envc("verify", "--target", ours.target, *options)
        assert answer.status == 1
        assert answer.stdout == f"changed: user: {SITE_PACKAGES}/demo.py (demo)\n"
    ours.done("repair", "--target", ours.target)
    assert [copy.read_text() for copy in copies] == ["answer = 42\n"] * 2
    ours.done("verify", "--target", ours.target)

    uv.install("first", "demo==1.0")
    _edit(uv.site_packages("first") / "demo.py")
    uv.install("second", "demo==1.0")
    uv.install("second", "demo==1.0", options=["--reinstall"])
    if (uv.site_packages("second") / "demo.py").read_text() != "answer = 41\n":
        no_longer("installs what was edited elsewhere")
    assert uv.check("second").status == 0, "and it finds nothing wrong"


def _edit(path: Path) -> None:
    """Change a file in place, as an editor with enough rights does."""
    path.chmod(0o644)
    path.write_text("answer = 41\n")
    path.chmod(0o444)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
def test_killed_install(uv: Uv, ours: SiteFolder) -> None:
    """uv: the half of a project counts as installed. envc: there is nothing, until all is there."""
    ours.edit('["demo"]', '["big"]')
    ours.done("lock")
    words = ["materialize", "--target", ours.target, "--link-mode", "hardlink"]
    program = [sys.executable, "-m", "envc", *words]
    killed = run([*_killing("link,linkat", 9), *program], ours.folder)
    assert killed.status != 0
    assert not (ours.target / "current").exists()
    refused = ours.envc("verify", "--target", ours.target)
    assert (refused.status, refused.stdout) == (2, "")
    again = envc_process(*words, cwd=ours.folder)
    assert again.status == 0, again.stderr
    ours.done("verify", "--target", ours.target)
    tree = ours.target / "user" / SITE_PACKAGES
    assert all((tree / module).exists() for module in MODULES)

    uv.venv("killed")
    uv.install("whole", "big==1.0")
    uv_killed = _kill_in_the_middle(uv)
    missing = [module for module in MODULES if not (uv_killed / module).exists()]
    answer = uv.install("killed", "big==1.0")
    if [module for module in MODULES if not (uv_killed / module).exists()] != missing:
        no_longer("takes the half of an installation for a whole one")
    assert "Checked 1 package" in answer.stderr, "and it says that all is well"
    assert uv.check("killed").status == 0


def _killing(calls: str, number: int, *options: str) -> list[str]:
    """What a command is started with to be killed when it makes such a call that many times."""
    inject = f"inject={calls}:signal=KILL:when={number}"
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject, *options]


def _kill_in_the_middle(uv: Uv) -> Path:
    """Kill uv when METADATA is linked and a module is not; the environment's site-packages."""
    target = uv.site_packages("killed")
    command = uv.command("killed", "big==1.0")
    for module in MODULES:
        shutil.rmtree(uv.root / "killed")
        uv.venv("killed")
        run([*_killing("linkat", 1, "-P", str(target / module)), *command], uv.wheels)
        if (target / "big-1.0.dist-info/METADATA").exists():
            assert not (target / module).exists()
            return target
    pytest.skip("on this file system, uv links METADATA last")


def test_two_wheels_with_one_path(uv: Uv, ours: SiteFolder) -> None:
    """uv: the last one wins, in silence. envc: refused, and both are named."""
    ours.done("lock")
    ours.materialize()
    ours.edit('["demo"]', '["clash-one", "clash-two"]')
    ours.done("lock")
    answer = ours.envc("materialize", "--target", ours.target)
    assert answer.status == 5
    assert answer.stderr == (
        "error: clash-one 1.0 and clash-two 1.0 both install "
        f"{SITE_PACKAGES}/clash/data.txt, with different content\n"
        "   at: layer user\n"
        " help: remove one of the two from the layer, or pin a release of it without this file\n"
    )
    assert ours.current() == "generations/000001"

    silent = uv.install("clash", "clash-one==1.0", "clash-two==1.0")
    if re.search("warn|conflict", silent.stderr, re.IGNORECASE):
        no_longer("is silent about it")
    assert (uv.site_packages("clash") / "clash/data.txt").read_text() in ("one\n", "two\n")
    assert uv.check("clash").status == 0


def test_read_only_cache_with_all_that_is_needed(uv: Uv, ours: SiteFolder) -> None:
    """uv: fails, for it writes even then. envc: reads, from its cache and from its store."""
    without_rights = _without_rights()
    cache = Path(os.environ["ENVC_CACHE_DIR"])
    ours.done("lock")
    ours.materialize()
    # Its generations are closed anyhow, and `verify` looks at the modes in them.
    with _ReadOnly([*_all_of(cache), *_all_of(ours.target / "store"), ours.target]):
        for words in (
            ["materialize", "--offline", "--target", ours.target],
            ["materialize", "--offline", "--target", ours.root / "another"],
            ["verify", "--target", ours.target],
            ["lock", "--check", "--offline"],
        ):
            program = [sys.executable, "-m", "envc", *words]
            answer = run([*without_rights, *program], ours.folder)
            assert answer.status == 0, (words, answer.stderr)
    tree = ours.root / "another/user"
    assert (tree / SITE_PACKAGES / "demo.py").read_text() == "answer = 42\n"

    uv.install("first", "demo==1.0")
    uv.venv("second")
    with _ReadOnly(_all_of(uv.cache)):
        command = uv.command("second", "demo==1.0")
        answer = run([*without_rights, *command], uv.wheels)
    if answer.status == 0:
        no_longer("fails with a read-only cache")
    assert not (uv.site_packages("second") / "demo.py").exists()


def _without_rights() -> list[str]:
    """What a command is started with so that modes count; the superuser is above them."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("the superuser may write everywhere, and setpriv is not here")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def _all_of(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]


class _ReadOnly:
    """Takes the right to write from files and folders, for as long as it lasts."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.modes = {path: path.lstat().st_mode & 0o7777 for path in paths}

    def __enter__(self) -> None:
        for path, mode in self.modes.items():
            path.chmod(mode & ~0o222)

    def __exit__(self, *_: object) -> None:
        for path, mode in self.modes.items():
            path.chmod(mode)
