"""Environments and images that are made to hurt whoever describes them: a clear word, in bounds."""

import gzip
import itertools
import json
import os
import random
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from envc.described.image import Folder, Image, Node, PlacedFolder
from envc.described.images import described_image
from envc.described.still import facts_of_image
from envc.errors import EnvcError
from envc.model.inventory import Inventory
from support.images import layout, root, tar_of, tar_with, zstd
from support.prefixes import egg_info, install, toy, write
from support.sites import envc

PYTHON = "/usr/bin/python3"


@pytest.fixture
def site(tmp_path):
    return root(tmp_path / "root")


def described(tmp_path: Path) -> Inventory:
    return described_image(str(tmp_path / "root"), PYTHON)


class Endless(Folder):
    """A folder of as many names as anybody asks for; `asked` counts them."""

    seconds = 0

    def __init__(self, ends: str) -> None:
        self.asked = 0
        self._ends = ends

    def child(self, name: str) -> Node | None:
        """Nothing: its names are all that there is."""

    def children(self) -> Iterator[tuple[str, str]]:
        """Names without end."""
        for number in itertools.count():
            self.asked += 1
            yield f"n{number}{self._ends}", "file"


class Beside(Folder):
    """A folder in which one name leads elsewhere."""

    def __init__(self, folder: Folder, names: list[str], end: Folder) -> None:
        self._folder = folder
        self._names = names
        self._end = end

    @property
    def seconds(self) -> int:
        """When it was changed."""
        return self._folder.seconds

    def children(self) -> Iterator[tuple[str, str]]:
        """Its own names."""
        return self._folder.children()

    def child(self, name: str) -> Node | None:
        """What stands in it."""
        node = self._folder.child(name)
        if name != self._names[0] or not isinstance(node, Folder):
            return node
        rest = self._names[1:]
        return Beside(node, rest, self._end) if rest else self._end


@pytest.mark.parametrize("ends", [".py", ".pth", ".json"])
def test_a_folder_without_end_is_known_in_part(site, tmp_path, monkeypatch, ends):
    monkeypatch.setattr("envc.described.foreign.MOST_NAMES", 50)
    endless = Endless(ends)
    names = ["usr", "lib", "python3.11", "site-packages"]
    image = Image(Beside(PlacedFolder(str(tmp_path / "root")), names, endless))
    monkeypatch.setattr("envc.described.survey.MOST_LISTED", 50)
    told = facts_of_image(image, {}, PYTHON, "image")
    assert endless.asked < 300
    assert any("known in part" in said for said in told["notes"])


def test_a_million_files_below_a_project_are_not_all_looked_at(site, tmp_path, monkeypatch):
    monkeypatch.setattr("envc.described.survey.MOST_WALKED", 20)
    egg_info(site, "wide", "1.0")
    for number in range(30):
        write(site / f"wide/f{number}.py", "")
    inventory = described(tmp_path)
    assert inventory.distributions[0].is_compiled
    assert "wide: not looked through to its end for compiled files" in inventory.unread[0]


def test_metadata_without_end_is_read_in_part(site, tmp_path):
    write(site / "big-1.0.dist-info/METADATA", "Name: big\nVersion: 1.0\n" + "X: y\n" * 200_000)
    inventory = described(tmp_path)
    assert inventory.distributions[0].project == "big"
    assert "METADATA: only its first 524288 bytes were read" in inventory.unread[0]


def test_nothing_is_read_that_is_no_file(site, tmp_path):
    (site / "pipe-1.0.dist-info").mkdir()
    os.mkfifo(site / "pipe-1.0.dist-info/METADATA")
    (site / "null-1.0.dist-info").mkdir()
    (site / "null-1.0.dist-info/METADATA").symlink_to("/dev/zero")
    inventory = described(tmp_path)
    assert [len(inventory.distributions), len(inventory.unread)] == [0, 2]


def test_folders_that_lead_to_each_other_end(site, tmp_path):
    for one, two in (("a", "b"), ("b", "a")):
        write(tmp_path / f"root/srv/{one}/more.pth", f"/srv/{two}\n")
    write(site / "round.pth", "/srv/a\n.\n../site-packages\n/srv/b\n/srv/a/../a\n")
    (site / "self-1.0.dist-info").symlink_to("self-1.0.dist-info")
    inventory = described(tmp_path)
    assert [each.path for each in inventory.folders] == [
        *("/usr/lib/python3.11/site-packages", "/srv/a", "/srv/b"),
    ]


def test_names_with_commands_for_a_terminal_are_shown_harmless(site, tmp_path):
    write(site / "evil\x1b[2J-1.0.dist-info/METADATA", "Name: evil\nVersion: 1.0\n")
    write(site / "x.egg-link", "/srv/\x1b[2Jx\n")
    answer = envc("describe", tmp_path / "root")
    assert answer.status == 0
    assert "\x1b" not in answer.stderr + answer.stdout


def test_two_projects_that_claim_each_others_files_share_them(site, tmp_path):
    for name in ("one", "two"):
        install(site, toy(name, "1.0"))
        with (site / f"{name}-1.0.dist-info/RECORD").open("a") as file:
            file.write("one/__init__.py,,\ntwo/__init__.py,,\n")
    places = [set(each.places) for each in described(tmp_path).distributions]
    assert places == [
        {"one", "two", "one-1.0.dist-info"},
        {"one", "two", "two-1.0.dist-info"},
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 50_000, "null", "[]", '{"files": 3}'])
def test_lists_of_conda_that_are_none_are_left_out(site, tmp_path, text):
    install(site, toy("fine", "1.0"))
    (site / "fine-1.0.dist-info/RECORD").unlink()
    write(tmp_path / "root/usr/conda-meta/x.json", text)
    write(tmp_path / "root/usr/conda-meta/state", text)
    assert [each.project for each in described(tmp_path).visible()] == ["fine"]


@pytest.mark.parametrize("text", ["{'a': " * 20_000, "{}.x", "{'../up': '/x', 'ok': 'relative'}"])
def test_finders_that_lie_bring_nothing(site, tmp_path, text):
    write(site / "__editable___sly_finder.py", f"MAPPING = {text}\n")
    install(site, toy("sly", "1.0"))
    with (site / "sly-1.0.dist-info/RECORD").open("a") as file:
        file.write("__editable___sly_finder.py,,\n")
    (sly,) = described(tmp_path).distributions
    assert set(sly.modules) == {"sly", "__editable___sly_finder"}


def test_an_image_within_an_image_is_one_of_names(site, tmp_path):
    inner = tar_of(tmp_path / "root")
    write(tmp_path / "root/manifest.json", json.dumps([{"Layers": ["inner.tar"], "Config": "c"}]))
    write(tmp_path / "root/inner.tar", inner)
    (tmp_path / "image.tar").write_bytes(tar_of(tmp_path / "root"))
    assert envc("describe", tmp_path / "image.tar").status == 0


def test_a_time_that_is_none_is_refused(tmp_path):
    member = tarfile.TarInfo("usr")
    member.type, member.pax_headers = tarfile.DIRTYPE, {"mtime": "inf"}
    with tarfile.open(tmp_path / "image.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    answer = envc("describe", tmp_path / "image.tar")
    assert (answer.status, "Traceback" in answer.stderr) == (2, False)


def test_a_pipe_among_the_blobs_of_an_image_holds_nobody_up(tmp_path):
    (tmp_path / "oci/blobs/sha256").mkdir(parents=True)
    write(tmp_path / "oci/oci-layout", "{}")
    os.mkfifo(tmp_path / "oci/index.json")
    answer = envc("describe", tmp_path / "oci")
    assert (answer.status, "'index.json' is no file" in answer.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_a_damaged_image_is_described_or_refused(site, tmp_path, pack):
    install(site, toy("own", "1.0"))
    layers = layout([tar_of(tmp_path / "root")])
    whole = bytearray(pack(tar_with(*layers.items())))
    chance = random.Random(7)
    for _ in range(60):
        damaged = whole.copy()
        for _ in range(chance.randrange(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (tmp_path / "image.tar").write_bytes(damaged[: chance.randrange(1, len(damaged) + 1)])
        with suppress(EnvcError):
            described_image(str(tmp_path / "image.tar"), None)
