"""A site as one file: made, used without a network, and distrusted."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cluster.fake_nodes import Cluster, FakeEngine
from envc.commands.rollout import roll_out
from envc.host.context import Context
from envc.model.nodes import NodeAnswer
from envc.reports.rollout import RolloutReport
from envc.rollout.values import RolloutOptions
from support.sites import envc

pytestmark = pytest.mark.slow  # whole sites are rolled out


@pytest.fixture
def bundle(cluster: Cluster) -> Path:
    path = cluster.site.root / "canopy.envc"
    cluster.site.done("bundle", "-o", path)
    return path


def rolled(cluster: Cluster, engine: FakeEngine, bundle: Path) -> RolloutReport:
    options = RolloutOptions(nodes="n1", target=cluster.target, source=str(bundle), retries=0)
    return roll_out(str(cluster.site.folder), options, engine, Context(), lambda state: None)


def test_a_bundle_is_all_that_a_node_needs(
    cluster: Cluster, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = cluster.site.materialize()["digest"]
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "no-cache"))
    (cluster.site.folder / "envc.toml").unlink()
    (cluster.site.folder / "wheels").unlink()
    words = ("--target", tmp_path / "Canopy", "--from", bundle, "--offline", "--json")
    report = envc("materialize", *words, cwd=tmp_path).json
    assert report["digest"] == wanted
    assert envc("materialize", *words, cwd=tmp_path).json["changed"] is False


def started(bundle: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a stranger types: an interpreter, the file, a command."""
    command = [sys.executable, str(bundle), *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_bundle_starts_itself(cluster: Cluster, bundle: Path, tmp_path: Path) -> None:
    wanted = cluster.site.materialize()["digest"]
    (cluster.site.folder / "envc.toml").unlink()
    (cluster.site.folder / "wheels").unlink()
    words = ("materialize", "--target", tmp_path / "Canopy", "--offline", "--json")
    ran = started(bundle.rename(tmp_path / "moved.envc"), *words, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["digest"] == wanted
    carried = subprocess.run(
        [tmp_path / "Canopy/bin/envc", "tree", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert carried.returncode == 0, carried.stderr


def test_a_node_without_a_network_knows_what_its_store_holds(
    cluster: Cluster, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = (cluster.site.wheels / "theme-1.0-py3-none-any.whl").resolve()
    kept = Path(shutil.copy(mine, tmp_path))
    (cluster.site.folder / "wheels").unlink()
    target = ("--target", tmp_path / "Canopy")
    words = (*target, "--from", bundle, "--offline")
    assert envc("materialize", *words, cwd=tmp_path).status == 0
    monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "no-cache"))
    words = ("overlay", "add", f"theme @ file://{kept}", "--offline", "--overlay", "./alice")
    assert envc("overlay", "init", "./alice", *target, cwd=tmp_path).status == 0
    answer = envc(*words, "--json", cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    assert answer.json["adds"] == ["theme"]
    answer = envc("tree", "--overlay", "./alice", "--offline", cwd=tmp_path)
    assert answer.status == 0, answer.stderr


def test_what_a_bundle_starts_takes_another_source(
    cluster: Cluster, bundle: Path, tmp_path: Path
) -> None:
    none = tmp_path / "none.envc"
    words = ("materialize", "--target", tmp_path / "Canopy", "--from", none)
    ran = started(bundle, *words, cwd=tmp_path)
    assert ran.returncode == 2
    assert str(none) in ran.stderr


def test_a_bundle_says_for_which_python_its_envc_is(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.envc"
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(other, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "contents":
                digest, machine, _ = content.split()
                content = b" ".join([digest, machine, b"3.99"])
            copy.writestr(name, content)
    ran = started(other, "--version", cwd=tmp_path)
    assert ran.returncode == 2
    assert "this envc is not for this Python" in ran.stderr
    assert "CPython 3.99" in ran.stderr


def test_a_bundle_has_the_same_bytes_every_time(cluster: Cluster, bundle: Path) -> None:
    again = cluster.site.root / "again.envc"
    report = cluster.site.done("bundle", "-o", again, "--json").json
    assert again.read_bytes() == bundle.read_bytes()
    assert report["size_bytes"] == bundle.stat().st_size
    assert report["trees"] == 6  # five wheels, and what starts an environment
    assert list(report["closures"]) == ["system", "user"]


def test_only_what_the_store_lacks_is_read(cluster: Cluster, bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "Canopy"
    words = ("--target", target, "--from", bundle, "--offline")
    assert envc("materialize", *words, cwd=tmp_path).status == 0
    cluster.upgrade()
    second = cluster.site.root / "second.envc"
    cluster.site.done("bundle", "-o", second)
    damage(second, "trees/", keep="six")
    words = ("--target", target, "--from", second, "--offline")
    assert envc("materialize", *words, cwd=tmp_path).status == 0


def damage(bundle: Path, prefix: str, *, keep: str = "nothing") -> None:
    """Change a byte in the middle of every entry that begins so."""
    import zipfile

    content = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as archive:
        for member in archive.infolist():
            if member.filename.startswith(prefix) and not has(bundle, member.filename, keep):
                content[member.header_offset + 60 + member.file_size // 2] ^= 0xFF
    bundle.write_bytes(content)


def has(bundle: Path, name: str, project: str) -> bool:
    from envc.bundle import Bundle

    with Bundle(str(bundle)) as opened:
        return f"/{project}-".encode() in opened.read(name.removesuffix(".zst"))


@pytest.mark.parametrize("harm", ["altered", "truncated"])
def test_a_bundle_that_is_not_what_it_was_is_refused(
    cluster: Cluster, bundle: Path, tmp_path: Path, harm: str
) -> None:
    if harm == "altered":
        damage(bundle, "trees/")
    else:
        bundle.write_bytes(bundle.read_bytes()[:-1000])
    target = tmp_path / "Canopy"
    words = ("--target", target, "--from", bundle, "--offline")
    answer = envc("materialize", *words, cwd=tmp_path)
    assert answer.status == 5, answer.stderr
    assert not (target / "current").exists()
    assert not list((target / "store").glob("wheels/*"))


def test_a_rollout_brings_the_bundle_and_verifies_it(cluster: Cluster, bundle: Path) -> None:
    engine = FakeEngine()
    report = rolled(cluster, engine, bundle)
    assert report.ok, report
    assert engine.copied == [("n1", "parcels"), ("n1", "bundles")]
    assert rolled(cluster, engine, bundle).sets == {"current": "n1"}


def test_a_bundle_altered_on_its_way_publishes_nothing(cluster: Cluster, bundle: Path) -> None:
    engine = FakeEngine()

    def harm(node: str, step: str) -> None:
        for path in (cluster.folder("n1") / "wanted/bundles").glob("*"):
            damage(path, "trees/")
            engine.before = lambda node, step: None

    engine.before = harm
    report = rolled(cluster, engine, bundle)
    assert report.sets == {"failed": "n1"}
    reason = report.nodes["n1"].reason
    assert "/wanted/bundles/" in reason
    assert re.search("is not what its manifest says|of this bundle is damaged", reason)
    assert cluster.current("n1") is None
    for path in (cluster.folder("n1") / "wanted/bundles").glob("*"):
        path.unlink()
    assert rolled(cluster, engine, bundle).ok


def test_a_bundle_cut_off_on_its_way_is_sent_again(cluster: Cluster, bundle: Path) -> None:
    engine = FakeEngine()

    def cut(answer: NodeAnswer) -> NodeAnswer:
        for path in (cluster.folder("n1") / "wanted/bundles").glob("*"):
            path.write_bytes(path.read_bytes()[:1000])
        return answer

    engine.troubles = {"n1": [lambda answer: answer, cut, cut]}
    assert rolled(cluster, engine, bundle).ok


def test_no_such_bundle(cluster: Cluster) -> None:
    answer = cluster.site.envc("rollout", "--nodes", "n1", "--target", "/x", "--from", "none.envc")
    assert answer.status == 2
    assert "error: there is no such bundle or folder of wheels\n" in answer.stderr
    assert answer.stderr.endswith(" help: correct what --from names\n")
