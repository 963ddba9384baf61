import sys
import tomllib

from support.sites import PYTHON, envc


def test_a_new_site_is_written_and_can_be_read(tmp_path):
    answer = envc("init", "My Cluster", cwd=tmp_path)
    path = tmp_path / "My Cluster/envc.toml"
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr == f"wrote {path}; edit it, then run `envc lock`\n"
    spec = tomllib.loads(path.read_text())
    assert spec["site"] == {"name": "my-cluster"}
    assert spec["core"] == {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    assert set(spec["layer"]) == {"system", "user"}


def test_quiet_says_nothing_and_json_says_the_path(tmp_path):
    answer = envc("init", "--quiet", "--json", cwd=tmp_path)
    assert answer.stderr == ""
    assert answer.json == {"path": str(tmp_path / "envc.toml")}


def test_the_template_is_a_spec_that_envc_accepts(tmp_path, recipes):
    envc("init", cwd=tmp_path)
    path = tmp_path / "envc.toml"
    text = path.read_text().replace('"ipython"', '"report"')
    path.write_text(f'{text}\n[[index]]\nname = "wheels"\npath = "{recipes}"\n')
    answer = envc("lock", cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    assert f'python = "{PYTHON}"' in text


def test_a_site_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "envc.toml").write_text("mine")
    answer = envc("init", cwd=tmp_path)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: there is a site already\n"
        f"   at: {tmp_path}/envc.toml\n"
        " help: edit it, or start in another folder\n"
    )
    assert (tmp_path / "envc.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_an_error_of_the_outside(tmp_path):
    (tmp_path / "file").write_text("")
    answer = envc("init", "file/site", cwd=tmp_path)
    assert answer.status == 4
    assert answer.stderr == (
        "error: cannot write the spec: Not a directory\n"
        f"   at: {tmp_path}/file/site/envc.toml\n"
        " help: a file stands where a folder has to be: name another place\n"
    )
