"""What the commands for many nodes print with --json is what their schemas say."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cluster.fake_nodes import Cluster, FakeEngine
from envc.commands.rollout import roll_out
from envc.commands.status import status_of_nodes
from envc.fleet.asking import Nodes
from envc.host.context import Context
from envc.rollout.values import RolloutOptions
from support.sites import envc

SCHEMAS = Path(__file__).parents[2] / "schemas"


def faults(name: str, value: Any) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}-v1.schema.json").read_text())
    errors = Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]


def plain(report: Any) -> Any:
    return json.loads(json.dumps(asdict(report)))


@pytest.mark.slow
def test_outputs_fit(cluster: Cluster) -> None:
    cluster.warm("n1")
    engine = FakeEngine()
    engine.down = {"n2"}
    options = RolloutOptions(
        nodes="n[1-2]", target=cluster.target, state=str(cluster.state), max_failures=1
    )
    site, target = str(cluster.site.folder), cluster.folder("n1")
    report = roll_out(site, options, engine, Context(), lambda state: None)
    assert faults("output-rollout", plain(report)) == []
    status = status_of_nodes(Nodes(nodes="n[1-2]", target=cluster.target), engine)
    assert faults("output-status", plain(status)) == []
    assert faults("wanted", json.loads((cluster.state / "wanted.json").read_text())) == []
    bundle = cluster.site.root / "canopy.envc"
    for command, *words in (
        ("node", "status", "--target", target),
        ("converge", "--target", target, "--check"),
        ("bundle", "-o", bundle, "--site", cluster.site.folder),
        ("uninstall", "--target", target),
    ):
        answer = envc(command, *words, "--json")
        assert answer.status == 0, answer.stderr
        assert faults(f"output-{command}", answer.json) == []
