"""Commands and data files of the base, as an overlay sees them."""

import json
import os
import subprocess

import pytest

from support.sites import SITE_PACKAGES, SiteFolder, envc

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory, recipes):
    """A site with a notebook below, an overlay with a theme above: to read only."""
    site = SiteFolder(tmp_path_factory.mktemp("files"), recipes).write()
    site.edit('requires = ["report"]', 'requires = ["report", "notebook"]')
    site.done("lock")
    site.materialize()
    folder = site.root / "alice"
    envc("overlay", "init", "--dir", folder, "--target", site.target)
    assert envc("overlay", "add", "theme", "polars", "--dir", folder).status == 0
    return site, folder


def output(*command, environment=None):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_an_inherited_command_runs_the_overlays_interpreter(world):
    _, folder = world
    seen = json.loads(output(f"{folder}/bin/report", "--flag"))
    assert seen["prefix"] == f"{folder}/generations/000002"
    assert seen["arguments"] == ["--flag"]
    assert seen["projects"]["polars"] == "1.0.0"
    assert seen["projects"]["numpy"] == "2.0.0"


def test_the_bases_own_command_sees_the_base_alone(world):
    site, _ = world
    seen = json.loads(output(f"{site.target}/system/bin/report"))
    assert seen["prefix"] == f"{site.target}/generations/000001/system"
    assert sorted(seen["projects"]) == ["notebook", "report"]


def test_a_command_runs_through_a_symlink_from_elsewhere(world, tmp_path):
    _, folder = world
    (tmp_path / "report").symlink_to(folder / "bin/report")
    assert json.loads(output(tmp_path / "report"))["prefix"] == f"{folder}/generations/000002"


def test_an_inherited_script_file_runs(world):
    _, folder = world
    assert output(f"{folder}/bin/notebook-shell") == "notebook\n"


@pytest.mark.parametrize("variables", [("PATH",), ()])
def test_commands_run_with_no_other_folder_on_the_path(world, variables):
    site, folder = world
    for tree in (site.target / "system", folder):
        bare = dict.fromkeys(variables, f"{tree}/bin")
        assert "prefix" in json.loads(output(tree / "bin/report", environment=bare))
        assert output(tree / "bin/notebook-shell", environment=bare) == "notebook\n"
    bare = dict.fromkeys(variables, f"{site.target}/bin")
    assert output(site.target / "bin/envc", "--version", environment=bare).startswith("envc ")


RECORDED = """
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distributions
for file in (file for each in distributions() for file in each.files or () if file.hash):
    content = file.locate().read_bytes()
    value = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    if (file.hash.value, file.size) != (value, len(content)):
        print(file, "is another file")
    elif file.parent.name == "bin":
        print(file.name)
"""


def test_a_record_tells_of_commands_as_they_are(world):
    _, folder = world
    assert output(f"{folder}/bin/python", "-c", RECORDED).split() == ["notebook-shell", "report"]


def test_data_files_of_all_layers_appear_under_the_prefix(world):
    site, folder = world
    share = folder / "share/jupyter"
    assert (share / "kernels/python3/kernel.json").read_text() == "{}\n"
    assert (share / "themes/dark.css").read_text() == "body{}\n"
    assert (share / "kernels").is_symlink()
    assert not (share / "themes").is_symlink()
    destination = os.readlink(share / "kernels")
    assert destination.startswith(f"{site.target}/by-lock/")


def test_entry_points_of_the_base_are_found(world):
    _, folder = world
    code = (
        "from importlib.metadata import entry_points as e; print(*e(group='console_scripts').names)"
    )
    assert output(f"{folder}/bin/python", "-c", code) == "report\n"


def test_static_tools_find_the_base(world):
    site, folder = world
    text = (folder / "pyvenv.cfg").read_text()
    assert f"extends-environment = {site.target}" in text


def test_nothing_of_the_core_or_the_user_site_is_on_the_path(world):
    _, folder = world
    code = "import json, sys; print(json.dumps(sys.path))"
    path = json.loads(output(f"{folder}/bin/python", "-I", "-c", code))
    first = next(entry for entry in path if entry.endswith(SITE_PACKAGES))
    assert first.startswith(str(folder))
    assert not [e for e in path if ".local" in e or e.endswith("dist-packages")]
