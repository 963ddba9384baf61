"""An engine that a site's spec tells: a program that nobody has heard of."""

import stat
import sys
from pathlib import Path

import pytest

from envc.cluster.configured import ConfiguredEngine, answers_in
from envc.errors import UsageError
from envc.model.nodes import Limits, NodeAnswer
from envc.model.spec import EngineSpec
from support.sites import SiteFolder, envc

# everywhere RED,BLUE COMMAND: each line of a node with its name; one called `gone` does not answer.
EVERYWHERE = f"""\
#!{sys.executable}
import subprocess, sys
nodes, command = sys.argv[1:]
for node in nodes.split(","):
    if node == "gone":
        print(f"everywhere: {{node}}: no route to it", file=sys.stderr)
        continue
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        print(f"{{node}}: {{line}}")
    for line in done.stderr.splitlines():
        print(f"{{node}}: {{line}}", file=sys.stderr)
"""


@pytest.fixture
def everywhere(tmp_path: Path) -> Path:
    program = tmp_path / "everywhere"
    program.write_text(EVERYWHERE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def answers(engine: ConfiguredEngine, commands: dict[str, list[str]]) -> dict[str, NodeAnswer]:
    heard: list[NodeAnswer] = []
    engine.run(commands, Limits(timeout_seconds=30), heard.append)
    assert sorted(answer.node for answer in heard) == sorted(commands)
    return {answer.node: answer for answer in heard}


def test_one_call_for_all_that_do_the_same(everywhere: Path) -> None:
    engine = ConfiguredEngine("all", EngineSpec(run=(str(everywhere), "{nodes}", "{command}")))
    said = ["sh", "-c", "echo one; printf 'two: %s' \"$0\"; echo oh >&2; exit 3", "a 'b' {node}"]
    found = answers(engine, {"blue": said, "red": said, "gone": said})
    for node in ("blue", "red"):
        answer = found[node]
        assert (answer.outcome, answer.status) == ("ended", 3)
        assert (answer.output, answer.trouble) == ("one\ntwo: a 'b' {node}\n", "oh")
    assert found["gone"].outcome == "unreachable"
    assert "no route to it" in found["gone"].trouble


def test_a_call_for_each_node() -> None:
    engine = ConfiguredEngine(
        "each", EngineSpec(run=("sh", "-c", 'echo "$0 of {node}"; eval "$1"', "hi", "{command}"))
    )
    found = answers(engine, {"a": ["sh", "-c", "exit 7"], "b": ["true"]})
    assert {name: (each.status, each.output) for name, each in found.items()} == {
        "a": (7, "hi of a\n"),
        "b": (0, "hi of b\n"),
    }


def test_a_program_that_is_not_there_reaches_nobody() -> None:
    engine = ConfiguredEngine("none", EngineSpec(run=("/no/such", "{nodes}", "{command}")))
    answer = answers(engine, {"a": ["true"]})["a"]
    assert answer.outcome == "unreachable"
    assert "/no/such" in answer.trouble


def test_lines_of_others_and_of_nobody_are_left_out() -> None:
    text = 'welcome\nb: of b\na: {"x": "a: 1"}\na:\na: envc-ended 0\nb: envc-ended 1\n'
    call = NodeAnswer(node="", outcome="ended", status=1, output=text)
    first, second = answers_in(call, ["a", "b"])
    assert (first.status, first.output) == (0, '{"x": "a: 1"}\n')
    assert (second.status, second.output) == (1, "of b\n")


def test_what_took_too_long_is_late() -> None:
    call = NodeAnswer(node="", outcome="late", output="a: envc-ended 0\n")
    first, second = answers_in(call, ["a", "b"])
    assert (first.outcome, second.outcome) == ("ended", "late")


def test_without_copy_a_mend_is_told() -> None:
    engine = ConfiguredEngine("one", EngineSpec(run=("sh", "{node}", "{command}")))
    with pytest.raises(UsageError, match=r"give \[engine.one\] a `copy`"):
        engine.copy("/a", {"n": "/b"}, Limits(), print)


@pytest.mark.parametrize(
    ("nodes", "places", "calls"),
    [
        ("{node}", {"a": "at-a", "b": "at-b"}, 2),
        ("{nodes}", {"a": "at-a", "b": "at-b"}, 2),
        ("{nodes}", {"a": "there", "b": "there"}, 1),
    ],
)
def test_copies_to_a_set_and_to_each(
    tmp_path: Path, nodes: str, places: dict[str, str], calls: int
) -> None:
    (tmp_path / "file").write_text("content")
    words = ("sh", "-c", 'echo >> "$1.calls"; cp "$1" "$2"', nodes, "{path}", "{place}")
    engine = ConfiguredEngine("one", EngineSpec(run=(), copy=words))
    heard: list[NodeAnswer] = []
    there = {node: str(tmp_path / place) for node, place in places.items()}
    engine.copy(str(tmp_path / "file"), there, Limits(), heard.append)
    assert sorted((each.node, each.status) for each in heard) == [("a", 0), ("b", 0)]
    assert all(Path(place).read_text() == "content" for place in there.values())
    assert (tmp_path / "file.calls").read_text().count("\n") == calls


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('run = ["all", "{nodes}"]', "{command} is missing"),
        ('run = ["all", "{command}"]', "it must name {node} or {nodes}"),
        ('run = ["all", "{nodes}", "{node}", "{command}"]', "it must name {node} or {nodes}"),
        ('run = ["all", "{nods}", "{command}"]', "{nods} stands for nothing"),
        ('run = ["all", "{node}", "{command}"]\ncopy = ["cp", "{path}", "{node}"]', "{place} is"),
    ],
)
def test_a_spec_that_cannot_be_carried_out(site: SiteFolder, table: str, said: str) -> None:
    with (site.folder / "envc.toml").open("a") as file:
        file.write(f"\n[engine.all]\n{table}\n")
    answer = envc("status", "--nodes", "a", "--engine", "all", "--target", "/t", cwd=site.folder)
    assert answer.status == 2
    assert said in answer.stderr
    assert "envc.toml:" in answer.stderr


def test_an_engine_that_envc_has_is_not_another_one(site: SiteFolder) -> None:
    with (site.folder / "envc.toml").open("a") as file:
        file.write('\n[engine.slurm]\nrun = ["all", "{nodes}", "{command}"]\n')
    answer = envc("lock", cwd=site.folder)
    assert answer.status == 2
    assert "engine 'slurm' is one of envc's own" in answer.stderr


def test_no_such_engine(site: SiteFolder) -> None:
    words = ("status", "--nodes", "a", "--engine", "slrum", "--target", "/t")
    answer = envc(*words, cwd=site.folder)
    assert answer.status == 2
    assert "did you mean slurm?" in answer.stderr


def test_what_others_could_change_is_not_run(site: SiteFolder, everywhere: Path) -> None:
    with (site.folder / "envc.toml").open("a") as file:
        file.write(f'\n[engine.all]\nrun = ["{everywhere}", "{{nodes}}", "{{command}}"]\n')
    site.folder.chmod(0o777)
    words = ("status", "--nodes", "a", "--engine", "all", "--target", "/t")
    answer = envc(*words, "--site", site.folder, cwd=site.root)
    assert answer.status == 2
    assert "others" in answer.stderr
