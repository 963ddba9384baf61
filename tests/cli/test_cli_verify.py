import os

import pytest

from support.sites import SITE_PACKAGES, envc

SIX = f"{SITE_PACKAGES}/six/__init__.py"


@pytest.fixture
def target(warm):
    warm.materialize()
    return warm.target


def tree(target):
    return target / "generations/000001/user"


def replace(path, content):
    """Put another file in its place: the store's copy is another link, and stays as it was."""
    mode = os.stat(path).st_mode
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def test_what_was_published_is_as_published(built):
    answer = envc("verify", "--target", built.target)
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr == f"{built.target}: generation 1: as published\n"
    report = envc("verify", "--target", built.target, "--json").json
    assert {"ok", "generation", "digest", "problems"} <= set(report)
    assert (report["ok"], report["generation"], report["problems"]) == (True, 1, [])
    assert report["digest"] == built.materialize()["digest"]


def changed(target):
    path = tree(target) / SIX
    replace(path, path.read_bytes().replace(b"1.17.0", b"6.66.6"))
    return SIX, "changed", "six"


def missing(target):
    (tree(target) / SIX).unlink()
    return SIX, "missing", "six"


def extra(target):
    (tree(target) / SITE_PACKAGES / "evil.py").write_text("")
    return f"{SITE_PACKAGES}/evil.py", "extra", None


def extra_folder(target):
    folder = tree(target) / SITE_PACKAGES / "evil"
    folder.mkdir()
    (folder / "deep.py").write_text("")
    return f"{SITE_PACKAGES}/evil", "extra", None


def mode(target):
    path = tree(target) / SITE_PACKAGES / "numpy/__init__.py"
    replace(path, path.read_bytes())
    path.chmod(0o644)
    return f"{SITE_PACKAGES}/numpy/__init__.py", "mode", "numpy"


def link(target):
    path = tree(target) / "bin/python"
    path.unlink()
    path.symlink_to("/bin/false")
    return "bin/python", "link", None


@pytest.mark.parametrize("fault", [changed, missing, extra, extra_folder, mode, link])
def test_a_fault_is_told_with_its_path_its_kind_and_its_project(target, fault):
    path, kind, project = fault(target)
    answer = envc("verify", "--target", target)
    owner = f" ({project})" if project else ""
    assert answer.status == 1
    assert answer.stdout == f"{kind}: user: {path}{owner}\n"
    assert answer.stderr == f"{target}: generation 1: 1 problem\n"
    (problem,) = envc("verify", "--target", target, "--json").json["problems"]
    assert (problem["path"], problem["kind"], problem["project"]) == (path, kind, project)


def test_an_edit_through_a_hard_link_shows_in_every_layer_that_shares_the_file(target):
    path = tree(target) / SIX
    path.chmod(0o644)
    path.write_text("edited\n")
    answer = envc("verify", "--target", target)
    assert (answer.status, answer.stdout) == (1, f"changed: user: {SIX} (six)\n")


def test_where_nothing_is_materialized(tmp_path):
    answer = envc("verify", "--target", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: nothing is materialized here\n"
            f"   at: {tmp_path}\n"
            " help: name a target with --target DIR\n"
        ),
    )


def test_a_current_that_leads_astray(tmp_path):
    (tmp_path / "current").symlink_to("elsewhere")
    answer = envc("verify", "--target", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: `current` leads to 'elsewhere', which is no generation\n"
            f"   at: {tmp_path}/current\n"
            " help: remove it and materialize again\n"
        ),
    )
