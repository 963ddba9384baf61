"""What a node answers without starting envc: only what still is as it was."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.fake_nodes import Cluster, FakeEngine, values_in
from envc.commands.rollout import roll_out
from envc.fleet.answers import look_words, question_of, stamp_of
from envc.host.context import Context
from envc.rollout.values import RolloutOptions


def rolled(cluster: Cluster, engine: FakeEngine, state: str | None) -> dict[str, object]:
    options = RolloutOptions(nodes="n1", target=cluster.target, state=state, canary=0)
    report = roll_out(str(cluster.site.folder), options, engine, Context(), lambda state: None)
    assert report.ok, report
    return {**report.sets, "digest": report.nodes["n1"].digest}


def look(target: Path, question: str, *otherwise: str) -> tuple[int, str, str]:
    words = look_words(str(target), question, otherwise)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def write_answer(target: Path, question: str, path: Path) -> None:
    (target / "wanted").mkdir(parents=True)
    lines = (question, str(path), stamp_of([str(path)]), '"step": "current", "a": "b\\\\c"}')
    (target / "wanted/answer").write_text("".join(f"{line}\n" for line in lines))


def test_an_answer_with_the_nodes_own_time(tmp_path: Path) -> None:
    target, path, question = tmp_path / "a target", tmp_path / "it's *", question_of(["x"])
    path.write_text("1")
    write_answer(target, question, path)
    status, output, trouble = look(target, question)
    values = values_in(output)
    assert (status, trouble) == (0, "")
    assert values.pop("now_seconds") >= int(path.stat().st_mtime)
    assert values == {"step": "current", "a": "b\\c"}


def _other_question(target: Path, path: Path) -> None:
    path = target / "wanted/answer"
    path.write_text(path.read_text().replace(question_of(["x"]), question_of(["y"])))


def _same_bytes_again(target: Path, path: Path) -> None:
    path.unlink()
    path.write_text("1")


def _cut_off(target: Path, path: Path) -> None:
    text = (target / "wanted/answer").read_text()
    (target / "wanted/answer").write_text(text[: text.rindex("step")])


@pytest.mark.parametrize(
    "change",
    [
        _other_question,
        _same_bytes_again,
        _cut_off,
        lambda target, path: path.chmod(0o600),
        lambda target, path: path.unlink(),
        lambda target, path: (target / "wanted/answer").unlink(),
        lambda target, path: os.chown(target / "wanted/answer", 12345, -1),
    ],
)
def test_whatever_differs_is_asked_of_envc(
    tmp_path: Path, change: Callable[[Path, Path], None]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("to give a file away needs root")
    target, path, question = tmp_path / "t", tmp_path / "f", question_of(["x"])
    path.write_text("1")
    write_answer(target, question, path)
    change(target, path)
    unsure = 'envc-node: {"step": "unsure"}\n'
    assert look(target, question) == (0, unsure, "")
    assert look(target, question, "sh", "-c", "echo asked; exit 7") == (7, "asked\n", "")


def test_paths_that_the_file_cannot_hold_have_no_witness(tmp_path: Path) -> None:
    (tmp_path / "a:b").touch()
    assert stamp_of([str(tmp_path / "a:b")]) is None
    assert stamp_of([str(tmp_path / "none")]) is None


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["state", None])
def test_a_change_on_the_node_is_seen_and_the_report_stays_the_same(
    cluster: Cluster, folder: str | None
) -> None:
    state = f"{cluster.site.root}/{folder}" if folder else None
    cluster.warm("n1")
    engine = FakeEngine()
    rolled(cluster, engine, state)
    target = cluster.folder("n1")
    slow = rolled(cluster, engine, state)
    parcels = (cluster.state if folder else target / "wanted") / "parcels"
    (parcel,) = parcels.iterdir()
    for path in (parcel, target / "location.toml", target / "bin/envc"):
        engine.steps.clear()
        engine.answered.clear()
        assert rolled(cluster, engine, state) == slow
        assert (engine.answered, engine.steps) == (["n1"], [])
        again = path.with_name("again")
        again.write_bytes(path.read_bytes())
        again.rename(path)
        assert rolled(cluster, engine, state) == slow
        assert engine.steps == [("n1", "prepare")]


@pytest.mark.slow
def test_after_a_switch_by_hand_the_old_answer_is_not_given(cluster: Cluster) -> None:
    cluster.warm("n1")
    engine = FakeEngine()
    first = rolled(cluster, engine, str(cluster.state))
    cluster.upgrade()
    second = rolled(cluster, engine, str(cluster.state))
    cluster.site.done("rollback", "--target", cluster.folder("n1"))
    engine.answered.clear()
    assert rolled(cluster, engine, str(cluster.state)) == second
    assert engine.answered == []
    assert first["digest"] != second["digest"]
    answer = (cluster.folder("n1") / "wanted/answer").read_text().splitlines()[3]
    assert json.loads("{" + answer)["digest"] == second["digest"]
