"""Random questions put to envc and to uv: where they part, it is for a reason that the guide names.

    make trial-uv_random            20,000 questions
    python test_uv_random.py SEED   one of them, made as small as it goes; SEED SEED: those between

Both have an answer, or neither; the pins of both are the same, or neither are better everywhere; in
envc's answer no single pin could be better.
"""

import os
import shutil
import subprocess
import sys
import tempfile
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
from support.answers import faults, wanted
from support.random_indexes import Question, RandomIndexes, question
from support.sites import PYTHON
from support.uv import UV

SOME, MANY = 100, 20_000
Pins = dict[str, Version]
TWO_ANSWERS = "two answers, none of which is better everywhere"

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
    better = any(wanted(ours[name]) > wanted(theirs[name]) for name in shared)
    worse = any(wanted(ours[name]) < wanted(theirs[name]) for name in shared)
    if better and worse:
        return TWO_ANSWERS
    if not better and not worse:
        return "others beside the same pins"
    return "better in envc" if better else "better in uv"


def reason_of(asked: Question, ours: Pins | None, theirs: Pins | None) -> str:
    """Why the two may differ so, as the guide has it; empty: there is no such reason.

    No reason excuses an answer of envc in which a single pin could be better.
    """
    if ours is None or faults(asked, ours):
        return ""
    if theirs is None:
        yanked = {(e.name, e.version) for index in asked.indexes for e in index if e.yanked}
        local = any(v.local and (name, str(v)) in yanked for name, v in ours.items())
        return "`==` a yanked release with a local version" if local else ""
    if kind_of(ours, theirs) == "better in envc" and faults(asked, theirs):
        return "uv leaves a better release behind"
    return TWO_ANSWERS if kind_of(ours, theirs) == TWO_ANSWERS else ""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with RandomIndexes() as server:
        yield Both(server, tmp_path_factory.mktemp("random"))


def unexplained(both: Both, seeds: range) -> tuple[Counter[str], list[Question]]:
    """How often the two agree or differ for which reason; the questions where there is none."""
    counts: Counter[str] = Counter()
    without: list[Question] = []
    for seed in seeds:
        asked = question(seed)
        ours, theirs = both.answers(asked)
        kind = kind_of(ours, theirs)
        if ours is None and theirs is None:
            reason = "none"
        elif kind:
            reason = reason_of(asked, ours, theirs)
        else:
            reason = "" if faults(asked, ours) else "the same"
        counts[reason or kind] += 1
        if not reason:
            without.append(asked)
    return counts, without


@pytest.mark.parametrize(
    "seeds",
    [
        range(SOME),
        *(
            pytest.param(range(first, first + MANY // 20), marks=pytest.mark.trial)
            for first in range(SOME, MANY, MANY // 20)
        ),
    ],
    ids=lambda seeds: f"{seeds.start}-{seeds.stop}",
)
def test_where_the_two_differ_there_is_a_reason(both, seeds):
    counts, without = unexplained(both, seeds)
    assert not without, f"{counts}\n{smallest(both, without[0]).told()}"
    assert counts["the same"] > 0.95 * (len(seeds) - counts["none"])


def smallest(both: Both, asked: Question) -> Question:
    """The question with as little as shows the same difference."""
    answers = both.answers(asked)
    kind, reason = kind_of(*answers), reason_of(asked, *answers)
    for less in asked.without():
        found = both.answers(less)
        if kind_of(*found) == kind and reason_of(less, *found) == reason:
            return smallest(both, less)
    return asked


if __name__ == "__main__":
    os.environ["ENVC_CACHE_DIR"] = f"{tempfile.gettempdir()}/random-{os.getpid()}/cache"
    first, last = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
    with RandomIndexes() as running:
        pair = Both(running, Path(f"{tempfile.gettempdir()}/random-{os.getpid()}"))
        if last is not None:
            for start in range(first, last, 50):
                counts, without = unexplained(pair, range(start, min(start + 50, last)))
                seeds = [each.seed for each in without]
                sys.stdout.write(f"{start} {dict(counts)} {seeds}\n")
                sys.stdout.flush()
        else:
            asked = question(first)
            least = smallest(pair, asked) if kind_of(*pair.answers(asked)) else asked
            ours, theirs = pair.answers(least)
            sys.stdout.write(f"{kind_of(ours, theirs)}\n{least.told()}\n{ours}\n{theirs}\n")
