"""Random questions put to envc and to uv: where they part, it is for a reason that the guide names.

    make trial-uv_random            20,000 questions
    python test_uv_random.py SEED   one of them, made as small as it goes

Both have an answer, or neither; the pins of both are the same, or neither are older everywhere.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from packaging.version import Version

from envc.errors import UnsatisfiableError
from envc.host.context import Context
from envc.lock import pinned_versions
from envc.locking.lock import lock_site
from envc.locking.report import LockOptions
from envc.sites.site import load_site, read_lock
from support.random_indexes import Question, RandomIndexes, question
from support.sites import PYTHON
from support.uv import UV

SOME, MANY = 100, 20_000
Pins = dict[str, Version]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(UV is None, reason="uv is not here")]

SPEC = """\
version = 1
[site]
name = "random"
[core]
python = "{python}"
{indexes}
[layer.user]
requires = {requires}
constraints = {constraints}
"""


class Both:
    """envc and uv, asked the same."""

    def __init__(self, server: RandomIndexes, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._asked = 0

    def answers(self, asked: Question) -> tuple[Pins | None, Pins | None]:
        """The pins of envc, and those of uv; None: there are none."""
        self._asked += 1
        urls = self._server.serve(asked, f"-{self._asked}")
        folder = self._folder / "question"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self._asked % 500 == 0:
            shutil.rmtree(self._folder / "uv", ignore_errors=True)
        return self._of_envc(asked, urls, folder), self._of_uv(asked, urls, folder)

    def _of_envc(self, asked: Question, urls: list[str], folder: Path) -> Pins | None:
        tables = [f'[[index]]\nname = "i{place}"\nurl = "{url}"' for place, url in enumerate(urls)]
        spec = SPEC.format(
            python=PYTHON,
            indexes="\n".join(tables),
            requires=list(asked.requires),
            constraints=list(asked.constraints),
        )
        (folder / "envc.toml").write_text(spec)
        site = load_site(str(folder), "envc.toml")
        context = Context()
        try:
            lock_site(site, LockOptions(), context)
        except UnsatisfiableError:
            return None
        found = read_lock(site.lock_path("user"), "user")
        assert found is not None
        (target,) = site.spec.targets
        return {str(k): v for k, v in pinned_versions(found.lock, target.markers).items()}

    def _of_uv(self, asked: Question, urls: list[str], folder: Path) -> Pins | None:
        (folder / "requirements.in").write_text("".join(f"{each}\n" for each in asked.requires))
        (folder / "constraints.txt").write_text("".join(f"{e}\n" for e in asked.constraints))
        words = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-config"]
        words += ["--constraint", "constraints.txt", "--cache-dir", str(self._folder / "uv")]
        words += ["--python", sys.executable, "--no-python-downloads", "requirements.in"]
        *first, last = urls
        for url in first:
            words += ["--index", url]
        words += ["--default-index", last]
        done = subprocess.run(
            [str(UV), *words], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            assert "No solution found" in done.stderr or "was not found" in done.stderr, done.stderr
            return None
        lines = [line.partition(";")[0].split("==") for line in done.stdout.splitlines()]
        return {name.strip(): Version(version) for name, version in lines}


def kind_of(ours: Pins | None, theirs: Pins | None) -> str:
    """How two answers differ; empty: not at all."""
    if ours == theirs:
        return ""
    if ours is None or theirs is None:
        return "uv alone has an answer" if ours is None else "envc alone has an answer"
    shared = ours.keys() & theirs.keys()
    newer = any(ours[name] > theirs[name] for name in shared)
    older = any(ours[name] < theirs[name] for name in shared)
    if newer and older:
        return "another of several answers"
    if not newer and not older:
        return "others beside the same pins"
    return "newer in envc" if newer else "newer in uv"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with RandomIndexes() as server:
        yield Both(server, tmp_path_factory.mktemp("random"))


def counted(both: Both, seeds: range) -> tuple[Counter[str], dict[str, list[int]]]:
    kinds: Counter[str] = Counter()
    seen: dict[str, list[int]] = {}
    for seed in seeds:
        kind = kind_of(*both.answers(question(seed)))
        kinds[kind] += 1
        if kind:
            seen.setdefault(kind, []).append(seed)
    return kinds, seen


def smallest(both: Both, asked: Question, kind: str) -> Question:
    """The question with as little as shows the same difference."""
    for less in asked.without():
        if kind_of(*both.answers(less)) == kind:
            return smallest(both, less, kind)
    return asked


if __name__ == "__main__":
    os.environ["ENVC_CACHE_DIR"] = f"/tmp/random-{os.getpid()}/cache"
    first, last = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
    with RandomIndexes() as running:
        pair = Both(running, Path(os.environ.get("TMPDIR", "/tmp")) / f"random-{os.getpid()}")
        if last is not None:
            kinds, seen = counted(pair, range(first, last))
            sys.stdout.write(f"{kinds}\n{seen}\n")
        else:
            start = question(first)
            found = kind_of(*pair.answers(start))
            least = smallest(pair, start, found) if found else start
            ours, theirs = pair.answers(least)
            sys.stdout.write(f"{found}\n{least.told()}\nenvc {ours}\nuv {theirs}\n")
