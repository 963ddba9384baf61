"""`envc kernel`: what Jupyter reads of it; a real Jupyter is in `tests/network`."""

import json
import os
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import pytest

from support.sites import SiteFolder, envc

pytestmark = pytest.mark.slow

ABSENT = "ipykernel is not in the stack: Jupyter talks to a Python through it"


@pytest.fixture
def kernels() -> Path:
    """Where Jupyter looks for the kernels of the person who runs the test."""
    return Path(os.environ["HOME"]) / ".local/share/jupyter/kernels"


@pytest.fixture
def plots(built: SiteFolder, tmp_path: Path) -> Path:
    """An overlay that a kernel can run in."""
    folder = tmp_path / "plots"
    words = ("--dir", folder, "--target", built.target)
    assert envc("overlay", "init", *words).status == 0
    assert envc("overlay", "add", "ipykernel", *words).status == 0
    return folder


def started(spec: Path) -> Any:
    """What a kernel tells that is started as Jupyter does it."""
    told = json.loads((spec / "kernel.json").read_text())
    given = {name: Template(text).safe_substitute(os.environ) for name, text in told["env"].items()}
    words = [word.format(connection_file="/run/connection.json") for word in told["argv"]]
    done = subprocess.run(
        words, env=os.environ | given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_kernel_of_an_overlay_follows_it(built, plots, kernels):
    answer = envc("kernel", "install", "--overlay", plots)
    told = f"{plots}: registered as plots, which Jupyter shows as 'plots (envc)'\n"
    assert (answer.status, answer.stdout, answer.stderr) == (0, "", told)
    first = started(kernels / "plots")
    assert first["prefix"] == f"{plots}/generations/000002"
    assert first["arguments"] == ["-f", "/run/connection.json"]
    for release in ("1.26.0", "1.26.4", "2.0.0"):
        words = (f"numpy=={release}", "--dir", plots)
        assert envc("overlay", "add", *words).status == 0
    assert envc("gc", "--overlay", plots, "--keep", 1, "--days", 0).status == 0
    assert started(kernels / "plots")["prefix"] != first["prefix"]
    assert started(kernels / "plots")["prefix"] == os.path.realpath(plots / "current")


def test_a_kernel_has_the_variables_of_its_stack(built, plots, kernels, monkeypatch):
    envc("kernel", "install", "--overlay", plots)
    monkeypatch.setenv("ENVC_LOCK", f"sha256:{64 * '0'}")
    env = started(kernels / "plots")["env"]
    assert env["PATH"] == f"{plots}/bin:{os.environ['PATH']}"
    assert (env["VIRTUAL_ENV"], env["ENVC_TARGET"]) == (
        os.path.realpath(plots / "current"),
        str(built.target),
    )
    assert (env["OMP_NUM_THREADS"], env["ENVC_LOCK"]) == ("1", "")


def test_the_kernel_of_a_layer_is_called_by_site_and_layer(warm, kernels):
    warm.edit('"pandas",', '"pandas", "ipykernel",')
    warm.edit('OMP_NUM_THREADS = "1"', 'COST = "$5 ${HOME}"')
    warm.done("lock")
    warm.materialize()
    warm.done("kernel", "install", "--layer", "user", "--target", warm.target)
    assert json.loads((kernels / "canopy-user/kernel.json").read_text())["display_name"] == (
        "canopy user (envc)"
    )
    told = started(kernels / "canopy-user")
    assert told["prefix"] == f"{warm.target}/generations/000001/user"
    assert told["env"]["COST"] == "$5 ${HOME}"


def test_a_stack_on_a_layer_that_has_ipykernel_has_it(warm, tmp_path, kernels):
    warm.edit('"pandas",', '"pandas", "ipykernel",')
    warm.done("lock")
    warm.materialize()
    folder = tmp_path / "thin"
    warm.done("overlay", "init", "--dir", folder, "--target", warm.target)
    warm.done("kernel", "install", "--overlay", folder)
    assert started(kernels / "thin")["prefix"] == f"{folder}/generations/000001"


def test_a_stack_without_ipykernel_says_how_to_get_it(built, alice, kernels):
    answer = envc("kernel", "install", "--overlay", alice)
    assert answer.status == 2
    assert ABSENT in answer.stderr
    assert f"`envc overlay add ipykernel --dir {alice}`\n" in answer.stderr
    answer = envc("kernel", "install", "--layer", "user", "--target", built.target)
    assert answer.status == 2
    assert ABSENT in answer.stderr
    assert "add ipykernel to the layer's `requires` in the site's envc.toml" in answer.stderr
    assert not kernels.exists()


def test_kernels_are_listed_and_removed(built, plots, kernels):
    assert envc("kernel", "list").stderr == f"no kernels of envc's in {kernels}\n"
    words = ("--name", "Mine", "--display-name", "My 'plots'")
    envc("kernel", "install", "--overlay", plots, *words)
    (kernels / "other").mkdir()
    (kernels / "other/kernel.json").write_text('{"argv": ["R"]}')
    listed = envc("kernel", "list")
    assert listed.stdout == f"mine  My 'plots'  {plots}  ready\n"
    (plots / "logo").write_text("")
    (kernels / "mine/logo-32x32.png").write_text("")
    assert envc("kernel", "remove", "mine").stderr == f"removed {kernels}/mine\n"
    assert sorted(each.name for each in kernels.rglob("*")) == [
        "kernel.json",
        "logo-32x32.png",
        "mine",
        "other",
    ]
    for name in ("mine", "other", "../kernels/other"):
        answer = envc("kernel", "remove", name)
        assert (answer.status, answer.stderr) == (
            2,
            (
                f"error: envc has registered no kernel {name!r}\n   at: {kernels}\n"
                " help: see `envc kernel list`\n"
            ),
        )


def test_a_kernel_is_registered_once_and_takes_no_other_ones_place(built, plots, kernels):
    envc("kernel", "install", "--overlay", plots)
    again = envc("kernel", "install", "--overlay", plots)
    assert again.stderr == (
        f"{plots}: is registered already, as plots, which Jupyter shows as 'plots (envc)'\n"
    )
    (kernels / "taken").mkdir()
    answer = envc("kernel", "install", "--overlay", plots, "--name", "taken")
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: there is a kernel 'taken' that envc did not make\n   at: {kernels}/taken\n"
            " help: choose another name with --name, or remove that one first\n"
        ),
    )


def test_a_kernel_whose_stack_is_gone_or_lost_ipykernel_is_broken(built, plots, kernels):
    envc("kernel", "install", "--overlay", plots)
    envc("overlay", "remove", "ipykernel", "--dir", plots)
    (found,) = envc("kernel", "list", "--json").json["kernels"]
    assert (found["state"], found["why"]) == (
        "broken",
        f"{plots} has no ipykernel any more: add it, or `envc kernel remove` it",
    )
    plots.rename(plots.parent / "moved")
    assert envc("kernel", "list").stdout == (
        f"plots  plots (envc)  {plots}  broken\n"
        f"    nothing is built at {plots}: build it again, or `envc kernel remove` it\n"
    )


def test_a_name_stays_in_the_folder_of_kernels(built, plots):
    answer = envc("kernel", "install", "--overlay", plots, "--name", "../x")
    assert answer.status == 2
    assert "'../x' cannot be a kernel's name: letters, digits, dots, - and _" in answer.stderr


def test_jupyters_own_variable_names_the_folder(built, plots, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    envc("kernel", "install", "--overlay", plots)
    assert (tmp_path / "data/kernels/plots/kernel.json").is_file()


def test_nothing_is_written_where_others_could_lead_it(built, plots, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(shared / "jupyter"))
    answer = envc("kernel", "install", "--overlay", plots)
    assert answer.status == 2
    assert f"at: {shared}" in answer.stderr
    assert not (shared / "jupyter").exists()
