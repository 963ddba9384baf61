"""Nodes without any Python: the site brings its interpreter, then envc, then what runs on it."""

import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.bare_nodes import BareEngine, tools
from cluster.daemons import needs
from cluster.fake_nodes import values_in
from cluster.ssh_nodes import ssh_nodes
from envc.commands.rollout import roll_out
from envc.core.boot import core_words
from envc.errors import UsageError
from envc.host.context import Context
from envc.model.bundle import PackedCore
from envc.model.digest import digest_of
from envc.reports.rollout import RolloutReport
from envc.rollout.values import RolloutOptions
from support.cores import carrying, file, tar_of
from support.keys import make_key
from support.sites import PYTHON, SiteFolder, envc_process, python

pytestmark = pytest.mark.slow  # an interpreter is unpacked on every node


@pytest.fixture
def site(
    tmp_path: Path, recipes: Path, archive: Path, kits: Path, monkeypatch: pytest.MonkeyPatch
) -> SiteFolder:
    """A site that carries its interpreter, locked, with a bundle: nodes have no index either."""
    monkeypatch.setenv("ENVC_CACHE_DIR", str(kits))
    found = carrying(SiteFolder(tmp_path / "world", recipes), archive)
    found.done("lock")
    found.done("bundle", "-o", found.root / "canopy.envc")
    return found


@pytest.fixture
def engine(tmp_path: Path) -> BareEngine:
    return BareEngine(tools(tmp_path / "tools"), tmp_path / "home")


def rolled(
    site: SiteFolder,
    engine: BareEngine,
    nodes: str = "n1",
    *,
    state: Path | None = None,
    sign: tuple[str, ...] = (),
) -> RolloutReport:
    options = RolloutOptions(
        nodes=nodes,
        target=f"{site.root}/nodes/{{node}}/Canopy",
        source=str(site.root / "canopy.envc"),
        state=str(state) if state is not None else None,
        retries=0,
        sign=sign,
    )
    return roll_out(str(site.folder), options, engine, Context(), lambda state: None)


def target(site: SiteFolder, node: str = "n1") -> Path:
    return site.root / "nodes" / node / "Canopy"


def on_node(engine: BareEngine, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        engine.words([str(word) for word in words]), capture_output=True, text=True, check=False
    )


def test_there_is_no_python_on_a_bare_node(engine: BareEngine) -> None:
    for name in ("python", "python3", f"python{PYTHON}"):
        assert on_node(engine, "sh", "-c", f"command -v {name}").returncode != 0


def test_a_roll_out_to_nodes_that_have_nothing(site: SiteFolder, engine: BareEngine) -> None:
    report = rolled(site, engine, "n[1-2]")
    assert report.ok, report.nodes
    assert report.sets == {"switched": "n[1-2]"}
    brought = ["cores", "kits", "parcels", "bundles"]
    assert engine.copied == [
        *(("n1", what) for what in brought),
        *(("n2", what) for what in brought),
    ]
    for node in ("n1", "n2"):
        (core,) = (target(site, node) / "core").iterdir()
        told = python(target(site, node) / "system", "import sys, six; print(sys.base_prefix)")
        assert told == str(core)
        verified = on_node(engine, target(site, node) / "bin/envc", "verify")
        assert (verified.returncode, verified.stdout) == (0, ""), verified.stderr


def test_a_second_roll_out_asks_once_and_brings_nothing(
    site: SiteFolder, engine: BareEngine
) -> None:
    assert rolled(site, engine).ok
    engine.copied.clear()
    engine.passes = 0
    report = rolled(site, engine)
    assert (report.sets, engine.passes, engine.copied) == ({"current": "n1"}, 1, [])


def test_where_the_interpreter_is_there_it_is_not_brought_again(
    site: SiteFolder, engine: BareEngine
) -> None:
    assert rolled(site, engine).ok
    site.edit('["six"]', '["six", "report"]')
    site.done("lock")
    site.done("bundle", "-o", site.root / "canopy.envc")
    engine.copied.clear()
    assert rolled(site, engine).sets == {"switched": "n1"}
    assert engine.copied == [("n1", "parcels"), ("n1", "bundles")]


def test_a_bare_node_converges_by_itself(site: SiteFolder, engine: BareEngine) -> None:
    state = site.root / "state"
    assert rolled(site, engine, state=state).ok
    assert engine.copied == []
    place = target(site, "late")
    done = on_node(engine, state / "converge", place, "--node", "n1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert (place / "current").is_symlink()
    assert on_node(engine, state / "converge", place, "--check").returncode == 0
    packed = list((state / "cores").iterdir())
    assert [hashlib.sha256(each.read_bytes()).hexdigest() for each in packed] == [
        each.name.removesuffix(".tar.gz") for each in packed
    ]
    wanted = json.loads((state / "wanted.json").read_text())
    assert wanted["generations"][0]["core"] == digest_of(packed[0].read_bytes())


def test_what_is_signed_names_the_interpreter(
    site: SiteFolder, engine: BareEngine, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    make_key(key)
    public = Path(f"{key}.pub").read_text().strip()
    site.edit('name = "canopy"', f'name = "canopy"\nkeys = ["{public}"]')
    site.done("lock")
    site.done("bundle", "-o", site.root / "canopy.envc", "--sign", key)
    state = site.root / "state"
    report = rolled(site, engine, state=state, sign=(str(key),))
    assert report.ok, report.nodes
    late = target(site, "late")
    assert on_node(engine, state / "converge", late, "--node", "n1").returncode == 0
    assert (late / "current").is_symlink()
    (packed,) = (state / "cores").iterdir()
    shutil.rmtree(late / "core")
    packed.write_bytes(packed.read_bytes()[:-1])
    done = on_node(engine, state / "converge", late)
    assert (done.returncode, values_in(done.stdout)) == (os.EX_TEMPFAIL, {"lacks": ["core"]})


def test_repair_on_a_node_takes_what_the_roll_out_brought(
    site: SiteFolder, engine: BareEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rolled(site, engine).ok
    (site.folder / "cpython.tar.gz").unlink()
    (core,) = (target(site) / "core").iterdir()
    (core / f"lib/python{PYTHON}/wave.py").unlink()
    done = on_node(engine, target(site) / "bin/envc", "repair")
    assert done.returncode == 0, done.stderr
    assert (core / f"lib/python{PYTHON}/wave.py").exists()


def test_a_new_interpreter_replaces_the_old_one(
    site: SiteFolder, engine: BareEngine, archive: Path
) -> None:
    site.edit("[layer.system]", "[retain]\ngenerations = 1\n\n[layer.system]")
    site.done("bundle", "-o", site.root / "canopy.envc")
    assert rolled(site, engine).ok
    (first,) = (target(site) / "core").iterdir()
    other = archive.read_bytes() + bytes(512)
    (site.folder / "cpython.tar.gz").write_bytes(other)
    site.edit(first.name, hashlib.sha256(other).hexdigest())
    site.done("lock")
    site.done("bundle", "-o", site.root / "canopy.envc")
    assert rolled(site, engine).ok
    assert first.exists()
    collected = on_node(engine, target(site) / "bin/envc", "gc", "--keep", "1", "--json")
    assert f"core/{first.name}" in json.loads(collected.stdout)["others_removed"]
    assert not first.exists()
    assert on_node(engine, target(site) / "bin/envc", "verify").returncode == 0


def test_uninstall_on_a_node_removes_what_it_runs_on(site: SiteFolder, engine: BareEngine) -> None:
    assert rolled(site, engine).ok
    done = on_node(engine, target(site) / "bin/envc", "uninstall")
    assert (done.returncode, target(site).exists()) == (0, False), done.stderr


def test_nodes_need_no_python_of_their_own(site: SiteFolder, engine: BareEngine) -> None:
    options = RolloutOptions(nodes="n1", target="/nowhere", python="/usr/bin/python3")
    with pytest.raises(UsageError) as caught:
        roll_out(str(site.folder), options, engine, Context(), lambda state: None)
    assert str(caught.value) == (
        f"{site.folder}/envc.toml (core.archive): the site carries its interpreter: nodes need "
        "none of their own\n  help: leave --python away"
    )


def test_real_nodes_without_python_come_to_equal_trees(site: SiteFolder, tmp_path: Path) -> None:
    needs("sshd", "ssh", "ssh-keygen", "scp", "unshare")
    (tmp_path / "ssh").mkdir()
    path = str(tools(tmp_path / "few"))
    with ssh_nodes(tmp_path / "ssh", 2, path=path) as nodes:
        words = ("--nodes", "n[1-2]", "--target", nodes.target, "--json")
        source = ("--from", site.root / "canopy.envc")

        def on_all(command: str, *more: object) -> dict[str, Any]:
            answer = envc_process(
                command, *words, *more, cwd=site.folder, environment=nodes.environment
            )
            assert answer.stdout, answer.stderr
            report: dict[str, Any] = answer.json
            return report

        assert nodes.ssh("n1", f"command -v python{PYTHON} python3").stdout == ""
        first = on_all("rollout", *source)
        assert first["sets"] == {"switched": "n[1-2]"}, first["nodes"]
        assert len({node["digest"] for node in first["nodes"].values()}) == 1
        (core,) = (nodes.disk("n2") / "core").iterdir()
        code = "import sys, six; print(sys.base_prefix)"
        said = nodes.ssh("n2", f"{nodes.target}/system/bin/python -c '{code}'")
        assert said.stdout == f"{nodes.target}/core/{core.name}\n", said.stderr
        assert on_all("rollout", *source)["sets"] == {"current": "n[1-2]"}
        told = on_all("status", "--drift")["nodes"]
        assert {node["drift"] for node in told.values()} == {0}
        assert all(f"/core/{core.name}/bin/" in node["machine"] for node in told.values())


class Boot:
    """The first step on a node, with an interpreter that is a shell script."""

    def __init__(self, root: Path, engine: BareEngine, program: str) -> None:
        self.target = root / "it's a (Canopy)"
        content = tar_of(file(f"bin/python{PYTHON}", program.encode(), mode=0o555))
        self.file = root / "core.tar.gz"
        self.file.write_bytes(gzipped(content))
        self.packed = PackedCore(str(self.file), digest_of(self.file.read_bytes()))
        self.engine = engine
        self.archive = digest_of(b"archive")

    @property
    def core(self) -> Path:
        return self.target / "core" / self.archive.removeprefix("sha256:")

    def run(self, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        words = core_words(
            str(self.target), self.archive, self.packed, PYTHON, ["-c", "a b", "it's"]
        )
        # As a login shell hands it on.
        command = ["sh", "-c", shlex.join(words)]
        environment = {"PATH": str(path or self.engine.path)}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=60
        )

    def refused(self, **options: Path) -> tuple[int, object]:
        """How it ends and what it tells, where nothing may be published."""
        done = self.run(**options)
        values = values_in(done.stdout)
        assert values is not None, done.stderr
        assert not self.core.exists()
        left = list((self.target / "core").iterdir()) if (self.target / "core").exists() else []
        assert left == []
        return done.returncode, values.get("lacks") or values["faults"][0]


def gzipped(content: bytes) -> bytes:
    import gzip

    return gzip.compress(content, mtime=0)


SAYS = '#!/bin/sh\nprintf "%s|" "$@"\n'


@pytest.fixture
def boot(tmp_path: Path, engine: BareEngine) -> Boot:
    return Boot(tmp_path, engine, SAYS)


def test_the_interpreter_is_unpacked_once_and_called(boot: Boot) -> None:
    for _ in range(2):
        done = boot.run()
        assert (done.returncode, done.stdout) == (0, "-c|a b|it's|"), done.stderr
        boot.file.unlink(missing_ok=True)
    assert [path.name for path in (boot.target / "core").iterdir()] == [boot.core.name]
    assert (boot.core / f"bin/python{PYTHON}").stat().st_mode & 0o777 == 0o555


def test_what_is_not_there_is_lacking(boot: Boot) -> None:
    boot.file.unlink()
    assert boot.refused() == (os.EX_TEMPFAIL, ["core"])


def test_other_bytes_are_lacking_too(boot: Boot) -> None:
    boot.file.write_bytes(boot.file.read_bytes()[:-1])
    assert boot.refused() == (os.EX_TEMPFAIL, ["core"])


def test_one_that_does_not_run_is_not_published(tmp_path: Path, engine: BareEngine) -> None:
    boot = Boot(tmp_path, engine, "#!/nowhere/ld.so\n")
    assert boot.refused() == (
        2,
        [
            "the carried interpreter does not run on this node",
            str(boot.file),
            "carry one that is built for this kind of machine (core.archive)",
        ],
    )


def test_a_node_without_tar_says_so(boot: Boot, tmp_path: Path) -> None:
    few = tools(tmp_path / "few")
    rest = "gzip and sha256sum, free space and inodes; then roll out again"
    (few / "tar").unlink()
    assert boot.refused(path=few) == (
        4,
        [
            "the carried interpreter cannot be unpacked",
            str(boot.target),
            f"see that there are tar, {rest}",
        ],
    )


def test_a_target_of_somebody_else_is_left_alone(boot: Boot) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    boot.target.mkdir()
    os.chown(boot.target, 4711, 4711)
    assert boot.refused() == (
        2,
        [
            "the folder belongs to another user than the one that envc runs as",
            str(boot.target),
            "run envc as its owner, or choose another folder",
        ],
    )


def test_a_damaged_core_gives_way(boot: Boot) -> None:
    (boot.core / "bin").mkdir(parents=True)
    (boot.core / "bin/left").touch()
    assert boot.run().stdout == "-c|a b|it's|"
    assert not (boot.core / "bin/left").exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("tool", ["mkdir", "cp", "sha256sum", "tar", "sync", "mv", "rm"])
def test_killed_at_any_step_nothing_half_has_the_name(
    boot: Boot, tmp_path: Path, tool: str, when: str
) -> None:
    path = tools(tmp_path / "deadly")
    real = (path / tool).resolve()
    (path / tool).unlink()
    act = f'{real} "$@"'
    kill = "kill -9 $PPID"
    (path / tool).write_text(
        "#!/bin/sh\n" + "\n".join([act, kill] if when == "after" else [kill, act])
    )
    (path / tool).chmod(0o755)
    first = boot.run(path=path)
    assert first.returncode != 0
    if boot.core.exists():
        assert content(boot.core) == {f"bin/python{PYTHON}": SAYS}
    again = boot.run()
    assert (again.returncode, again.stdout) == (0, "-c|a b|it's|"), again.stderr
    assert content(boot.core) == {f"bin/python{PYTHON}": SAYS}


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in files_below(folder)}


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_what_travels_is_plain_tar(site: SiteFolder, engine: BareEngine) -> None:
    assert rolled(site, engine).ok
    (packed,) = (target(site) / "wanted/cores").iterdir()
    with tarfile.open(fileobj=io.BytesIO(packed.read_bytes()), mode="r:gz") as tar:
        kinds = {member.type for member in tar}
    assert kinds == {tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE}
