"""What a scout starts on ahead of the walk, and that it decides nothing."""

from collections.abc import Iterable

import pytest

from envc.model.release import Distribution
from envc.resolve import scout as room
from support.cases import Case
from support.fakes import FakeSource

CHAIN = """
[releases.a]
"1.0" = ["b"]
"2.0rc1" = ["wrong"]
[releases.b]
"1.0" = {requires = ["c[more]>=2", "here; sys_platform == 'linux'", "not; sys_platform == 'win32'"]}
[releases.c]
"1.0" = []
"2.0" = {requires = ["d<2"], extras = {more = ["e"], less = ["not"]}}
[releases.d]
"1.0" = []
"2.0" = ["wrong"]
[releases.e]
"1.0" = []
[releases.here]
"1.0" = []
[layer.user]
requires = ["a", "first"]
[releases.first]
"1.0" = []
"""


class FarSource(FakeSource):
    """Every answer comes at once after it was started on; `started` has what was, in order."""

    started: list[str]

    def __init__(self, near: FakeSource) -> None:
        vars(self).update(vars(near))
        self.started = []

    def is_far(self) -> bool:
        return True

    def prefetch(self, projects: Iterable[str]) -> None:
        self.started += [each for each in projects if each not in self.started]

    def prefetch_metadata(self, distributions: Iterable[Distribution]) -> None:
        names = [f"{each.project} {each.version}" for each in distributions]
        self.started += [name for name in names if name not in self.started]

    def arrived_releases(self, project):
        return self.releases(project) if project in self.started else None

    def arrived_metadata(self, distribution):
        key = (distribution.project, distribution.version)
        is_started = f"{distribution.project} {distribution.version}" in self.started
        return self._metadata.get(key) if is_started and key not in self._broken else None


def far(text: str) -> Case:
    case = Case(text)
    case.source = FarSource(case.source)
    return case


def pins(case: Case) -> list[dict[str, str]]:
    return [
        {pin.project: str(pin.version) for pin in resolution.own()}
        for solved in case.solve()
        for resolution in solved.resolutions
    ]


def test_what_the_walk_needs_is_started_on_before_it_waits_for_its_first_answer():
    case = far(CHAIN)
    before: list[str] = []
    metadata = case.source.metadata

    def waited(distribution):
        before.extend(case.source.started if not before else [])
        return metadata(distribution)

    case.source.metadata = waited
    assert pins(case) == pins(Case(CHAIN))
    needed = {"a 1.0", "b 1.0", "c 2.0", "d", "d 1.0", "e", "e 1.0", "here", "here 1.0"}
    assert needed <= set(before)
    assert not {"wrong", "not", "d 2.0", "a 2.0rc1"} & set(case.source.started)


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        ('overrides = ["b==1.0", "c; python_version < \'3\'"]', {"c", "d"}),
        ('constraints = ["first<2"]', {"first 2.0"}),
    ],
)
def test_what_the_spec_forbids_is_not_started_on(change, left_out):
    text = CHAIN.replace('requires = ["a", "first"]', f'requires = ["a", "first"]\n{change}')
    case = far(f'{text}"2.0" = []\n')
    list(case.solve())
    assert not left_out & set(case.source.started)


def test_a_project_that_is_pinned_is_started_on_at_its_pin():
    case = far(
        CHAIN.replace('"1.0" = ["b"]', '"1.0" = ["b"]\n"0.9" = []') + '[present.user]\na = "0.9"'
    )
    assert pins(case) == [{"a": "0.9", "first": "1.0"}]
    assert "a 1.0" not in case.source.started


def test_the_lowest_is_started_on_where_it_is_wanted():
    text = CHAIN + '[resolver]\nresolution = "lowest"\n'
    case = far(text)
    assert pins(case) == pins(Case(text))
    assert {"d 1.0", "c 2.0"} <= set(case.source.started)


def test_projects_without_end_are_not_all_started_on(monkeypatch):
    monkeypatch.setattr(room, "_MOST_PROJECTS", 5)
    fan = "\n".join(f'[releases.p{n}]\n"1.0" = ["q{n}"]' for n in range(40))
    wide = ", ".join(f'"p{n}"' for n in range(40))
    case = far(f'{fan}\n[releases.a]\n"1.0" = [{wide}]\n[layer.user]\nrequires = ["a", "p0"]\n')
    case.source.metadata = None  # nobody walks: what is started on is the scout's
    with pytest.raises(TypeError):
        list(case.solve())
    assert not {f"q{n}" for n in range(4, 40)} & set(case.source.started)
