"""`envc audit` on a site, by a database in a folder and in an archive."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.sites import Answer, SiteFolder, envc

NUMPY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-1"],
    "summary": "A file is written beyond its end",
    "database_specific": {"severity": "HIGH"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "NumPy"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]},
            ],
        }
    ],
}
# The same, as another database tells it.
AGAIN = {
    **NUMPY,
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-1"],
    "summary": "",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "numpy"}, "versions": ["1.26.4"]}],
}
OTHER = {
    "id": "GHSA-zzzz",
    "affected": [{"package": {"ecosystem": "npm", "name": "numpy"}, "versions": ["1.26.4"]}],
}


def database(folder: Path, *advisories: dict[str, Any]) -> Path:
    folder.mkdir()
    for advisory in advisories:
        (folder / f"{advisory['id']}.json").write_text(json.dumps(advisory))
    return folder


def audited(site: SiteFolder, db: Path, *words: object) -> Answer:
    return site.envc("audit", "--db", db, *words)


@pytest.fixture
def known(tmp_path):
    return database(tmp_path / "osv", NUMPY, AGAIN, OTHER)


def test_what_is_known_of_the_pins(warm, known):
    answer = audited(warm, known)
    assert (answer.status, answer.stdout, answer.stderr) == (
        1,
        (
            "numpy 1.26.4  [user]\n"
            "  GHSA-aaaa-bbbb-cccc (PYSEC-2026-7, CVE-2026-1), high\n"
            "    A file is written beyond its end\n"
            "    help: numpy 2.0.0 has it mended\n"
        ),
        "5 releases held against 3 files of advisories: 1 known vulnerability\n",
    )


def test_an_archive_says_the_same(warm, known, tmp_path, monkeypatch):
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in known.iterdir():
            file.write(path, path.name)
    monkeypatch.setenv("ENVC_OSV", str(archive))
    answer = warm.envc("audit")
    assert (answer.status, answer.stdout) == (1, audited(warm, known).stdout)


def test_nothing_is_known_of_a_layer(warm, known):
    answer = audited(warm, known, "--layer", "system")
    assert (answer.status, answer.stdout) == (0, "")
    assert answer.stderr == (
        "1 release held against 3 files of advisories: 0 known vulnerabilities\n"
    )


def test_what_somebody_has_looked_at(warm, known):
    answer = audited(warm, known, "--ignore", "CVE-2026-1", "--json")
    assert answer.status == 0
    ((found,),) = (release["vulnerabilities"] for release in answer.json["releases"])
    assert found["ignored"]


@pytest.mark.slow
def test_an_overlay_may_have_it_mended(built, alice, known):
    stack = audited(built, known, "--overlay", alice)
    assert stack.status == 1
    assert envc("overlay", "add", "numpy>=2", "--overlay", alice).status == 0
    assert audited(built, known, "--overlay", alice).status == 0


def test_of_a_file_that_cannot_be_read_nothing_is_known(warm, known):
    (known / "half.json").write_text('{"id": "GHSA-half", "affected": [{"package"')
    os.mkfifo(known / "pipe.json")
    answer = audited(warm, known, "--layer", "system")
    assert answer.status == 1
    assert answer.stderr.endswith(
        "cannot be read, so nothing is known of what they say: half.json, pipe.json\n"
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "there is no such database"),
        (lambda path: path.mkdir(), "there is no advisory in this database"),
        (lambda path: path.write_text("PK"), "this is no database of advisories"),
    ],
)
def test_what_is_no_database(warm, tmp_path, make, said):
    path = tmp_path / "db"
    make(path)
    answer = audited(warm, path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            f"error: {said}\n   at: {path}\n"
            " help: name a folder of OSV's files, or its archive all.zip, with --db\n"
        ),
    )
