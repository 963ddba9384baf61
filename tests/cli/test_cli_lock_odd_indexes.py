"""Indexes that leave out, or get wrong, what they say of files: locked, and installed."""

import tomllib
import zipfile

import pytest

from support.index_server import FileFacts, IndexServer
from support.projects import write_project
from support.sites import PYTHON, SiteFolder, over_url, over_wheels
from support.wheels import Recipe, sha256_of

LAYER = """\
[layer.user]
requires = ["six"]
"""

NAME = "six-1.17.0-py3-none-any.whl"


@pytest.fixture
def house(tmp_path):
    Recipe(name="six", version="1.17.0").build(tmp_path / "house")
    return tmp_path / "house"


@pytest.fixture
def site_of(house, tmp_path):
    return lambda server: SiteFolder(tmp_path / "world", house).write(
        over_url("odd", server.url, LAYER)
    )


def locked_wheel(site):
    (package,) = tomllib.loads(site.lock_text("user"))["packages"]
    (wheel,) = package["wheels"]
    return wheel


NOTE = f"warning: no index gives a sha256 of {NAME}: the lock has what was downloaded now"


@pytest.mark.parametrize(
    ("form", "hashes"), [("json", ""), ("html", ""), ("html", "md5"), ("json", "sha512")]
)
def test_without_a_sha256_what_was_downloaded_is_locked(house, site_of, form, hashes):
    with IndexServer(house, form=form, hashes=hashes) as server:
        site = site_of(server)
        assert NOTE in site.done("lock").stderr
        wheel = locked_wheel(site)
        assert wheel["hashes"] == {"sha256": sha256_of(house / NAME)}
        assert wheel["size"] == (house / NAME).stat().st_size
        site.materialize()
        assert "warning" not in site.done("lock").stderr


@pytest.mark.parametrize("hashes", ["md5", "sha512"])
def test_the_hash_that_an_index_gives_counts(house, site_of, hashes):
    with IndexServer(house, hashes=hashes) as server:
        server.facts[NAME] = FileFacts(sha256="0" * 64)
        answer = site_of(server).envc("lock")
    assert answer.status == 5
    wanted = f"{NAME} is not the file it should be: expected {hashes}:{'0' * 64}, got {hashes}:"
    assert wanted in answer.stderr


def test_a_file_without_a_hash_is_not_replaced_unseen(house, site_of):
    with IndexServer(house, hashes="") as server:
        site = site_of(server)
        site.done("lock")
        before = locked_wheel(site)
        Recipe(name="six", version="1.17.0", files={"six.py": "x = 2"}).build(house)
        site.edit('"six"', '"six>=1"')
        site.done("lock")
        assert locked_wheel(site)["hashes"] == before["hashes"]
        assert NOTE in site.done("lock", "--upgrade-package", "six").stderr
        assert locked_wheel(site)["hashes"] == {"sha256": sha256_of(house / NAME)}


@pytest.mark.parametrize(
    ("size", "metadata"),
    [(0, "none"), (3, "none"), (10**6, "none"), (3, "announced"), (10**30, "announced")],
)
def test_a_size_that_is_wrong_counts_less_than_the_hash(house, site_of, size, metadata):
    with IndexServer(house, metadata=metadata) as server:
        server.facts[NAME] = FileFacts(size_bytes=size)
        site = site_of(server)
        site.done("lock")
        site.materialize()
        if metadata == "none":  # else nobody has looked into the file
            size_bytes = (house / NAME).stat().st_size
            assert locked_wheel(site).get("size", size_bytes) == size_bytes


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (b"Metadata-Version: 2.1\nVersion: 2.0\n", "is that of (no name) 2.0"),
        (b"Metadata-Version: 2.1\nName: six\nVersion: 2.1\n", "is that of six 2.1"),
        (b"Metadata-Version: 2.1\nName: seven\nVersion: 2.0\n", "is that of seven 2.0"),
        (b"", "is that of (no name) (no version)"),
        (None, "is not a wheel that can be read: it has 0 METADATA files, not one"),
    ],
)
def test_a_release_with_broken_metadata_is_passed_over(house, tmp_path, metadata, reason):
    name = "six-2.0-py3-none-any.whl"
    with zipfile.ZipFile(house / name, "w") as archive:
        if metadata is not None:
            archive.writestr("six-2.0.dist-info/METADATA", metadata)
    site = SiteFolder(tmp_path / "world", house).write(over_wheels(LAYER))
    site.done("lock")
    assert 'version = "1.17.0"' in site.lock_text("user")
    assert reason in site.done("why", "six").stdout
    site.edit('"six"', '"six==2.0"')
    answer = site.envc("lock")
    assert answer.status == 3
    assert "  six 2.0 cannot be used: " in answer.stderr
    assert reason in answer.stderr


def test_a_file_that_the_spec_names_is_not_passed_over(house, tmp_path):
    name = "six-2.0-py3-none-any.whl"
    (house / name).write_bytes(b"no wheel")
    site = SiteFolder(tmp_path / "world", house).write(
        over_wheels(LAYER.replace('"six"', f'"six @ ./wheels/{name}"'))
    )
    answer = site.envc("lock")
    assert answer.status == 5
    assert f"{name} is not a wheel that can be read: File is not a zip file" in answer.stderr


CUT = """\
[layer.user]
requires = ["six", "local @ ./projects/local-1.0-py3-none-any.whl"]

[resolver]
exclude-newer = "2020-01-01T00:00:00Z"
"""


def test_files_of_this_machine_were_not_uploaded(house, tmp_path):
    site = SiteFolder(tmp_path / "world", house).write(over_wheels(CUT))
    Recipe(name="local", version="1.0").build(site.folder / "projects")
    project = write_project(tmp_path / "own", Recipe(name="own", version="1.0"), "")
    site.done("lock")
    assert 'name = "local"' in site.lock_text("user")
    overlay = site.overlay("mine", f'editable = ["{project}"]')
    site.done("lock", "--overlay", overlay)


def test_an_index_without_upload_times_and_a_mend_that_works(house, site_of):
    cut = CUT.replace(', "local @ ./projects/local-1.0-py3-none-any.whl"', "")
    with IndexServer(house) as server:
        site = site_of(server)
        (site.folder / "envc.toml").write_text(
            over_url("odd", server.url, cut).format(python=PYTHON)
        )
        answer = site.envc("lock")
        assert answer.status == 3
        assert "passed over, no upload time to compare: six 1.17.0" in answer.stderr
        assert (
            " help: remove resolver.exclude-newer: the index tells no upload times to compare "
            "(PEP 700)"
        ) in answer.stderr
        site.edit('exclude-newer = "2020-01-01T00:00:00Z"', "")
        site.done("lock")


def test_a_wheel_of_a_folder_that_was_built_again_is_locked_again(house, tmp_path):
    site = SiteFolder(tmp_path / "world", house).write(over_wheels(LAYER))
    site.done("lock")
    assert site.envc("lock", "--check").status == 0
    Recipe(name="six", version="1.17.0", files={"six.py": "x = 2"}).build(house)
    answer = site.envc("materialize", "--target", site.target)
    assert answer.status == 5
    assert (
        "help: restore the file, or where it was built again on purpose, lock it: "
        "`envc lock --upgrade-package six`"
    ) in answer.stderr
    assert site.envc("lock", "--check").status == 1
    site.done("lock")
    assert locked_wheel(site)["hashes"] == {"sha256": sha256_of(house / NAME)}
    site.materialize()
    (house / NAME).unlink()
    assert site.envc("lock", "--check").status == 0  # nodes may have it from elsewhere


def test_metadata_that_is_not_the_wheels_own_ends_the_materialize(house, site_of):
    Recipe(name="dull", version="1.0").build(house)
    with IndexServer(house) as server:
        server.metadata_text = (
            b"Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\nRequires-Dist: six>1\n"
        )
        site = site_of(server)
        site.done("lock")
        for _ in range(2):  # nothing of it is kept
            answer = site.envc("materialize", "--target", site.target)
            assert answer.status == 5
            assert f"at: {NAME}" in answer.stderr
            assert "the index said 'Requires-Dist: six>1', the wheel says nothing" in answer.stderr
        server.metadata_text = None
        site.done("cache", "clean")
        site.done("lock", "--upgrade")
        site.materialize()


def test_what_an_index_says_of_a_file_is_not_believed_of_anothers(house, tmp_path):
    """Who names the digest of another's wheel could else choose what that requires."""
    Recipe(name="dull", version="1.0").build(tmp_path / "forged")
    forged = Recipe(name="six", version="1.17.0", requires=["dull"]).build(tmp_path / "forged")
    facts = {NAME: FileFacts(sha256=sha256_of(house / NAME))}
    for metadata in ("announced", "none"):
        with (
            IndexServer(forged.parent, metadata=metadata, facts=facts) as hostile,
            IndexServer(house, metadata=metadata) as honest,
        ):
            for number, (server, pins) in enumerate([(hostile, 2), (honest, 1), (hostile, 2)]):
                root = tmp_path / f"{metadata}-{number}"
                site = SiteFolder(root, house).write(over_url("odd", server.url, LAYER))
                site.done("lock")
                assert len(tomllib.loads(site.lock_text("user"))["packages"]) == pins


def test_what_links_are_signed_with_is_in_no_lock_and_asked_for_anew(
    house, site_of, tmp_path, monkeypatch
):
    with IndexServer(house) as server:
        server.signature = "?X-Amz-Expires=60&X-Amz-Signature=S3cret"
        site = site_of(server)
        told = [site.done("lock", "-v"), site.done("lock", "--upgrade", "--json")]
        server.signature = "?X-Amz-Expires=60&X-Amz-Signature=S3cret2"
        monkeypatch.setenv("ENVC_CACHE_DIR", str(tmp_path / "other"))
        told.append(site.done("materialize", "--target", site.target))
        assert "?" not in locked_wheel(site)["url"]
    assert not any("S3cret" in f"{answer.stdout}{answer.stderr}" for answer in told)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in files if b"S3cret" in path.read_bytes()]
