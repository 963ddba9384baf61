"""The folder of a wanted state: who owns it leads nobody who writes there to other places."""

import os
from pathlib import Path

import pytest

from envc.disk.folders import remove_file
from envc.errors import UsageError
from envc.fleet.state import StateFolder
from envc.formats.wanted import wanted_to_json
from envc.model.digest import Digest
from envc.model.names import STATE_PLACES
from envc.model.nodes import Published, Statement, WantedGeneration, WantedState

KIT, ONE, TWO = (Digest("sha256:" + digit * 64) for digit in "012")
HEX = "f" * 64


def published(parcel: Digest, serial: int) -> Published:
    generation = WantedGeneration(closures={}, parcel=parcel, source=None, since="t")
    wanted = WantedState(site="canopy", serial=serial, kit=KIT, generations=(generation,))
    return Published(Statement(wanted_to_json(wanted), b"signature"))


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(str(tmp_path / "state"))
    folder.publish(published(ONE, 1))
    return folder


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("folder", "suffix"), STATE_PLACES.values())
def test_a_folder_in_it_that_is_a_link_is_refused_and_nothing_is_written(
    state: StateFolder, tmp_path: Path, folder: str, suffix: str
) -> None:
    elsewhere, here = tmp_path / "elsewhere", Path(state.path, folder)
    elsewhere.mkdir()
    (elsewhere / f"{HEX}{suffix}").write_text("of another site")
    if here.exists():
        here.rename(tmp_path / "moved")
    here.symlink_to(elsewhere)
    before = everything(tmp_path)
    with pytest.raises(UsageError) as told:
        state.publish(published(TWO, 2))
    assert str(told.value) == (
        f"{here}: it is a link, which can lead anywhere\n  help: remove it, and put a folder there"
    )
    assert everything(tmp_path) == before
    with pytest.raises(UsageError):
        list(state.unnamed(published(TWO, 2)))


def test_no_folder_at_all(state: StateFolder) -> None:
    Path(state.path, "parcels").write_text("")
    with pytest.raises(UsageError, match="no folder"):
        state.publish(published(TWO, 2))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_in_it_that_belongs_to_a_third_is_refused(state: StateFolder) -> None:
    os.mkdir(f"{state.path}/parcels")
    os.chown(state.path, 4321, -1)
    os.chown(f"{state.path}/parcels", 4321, -1)
    state.publish(published(TWO, 2))  # of the owner of all, or of root
    os.chown(f"{state.path}/parcels", 1234, -1)
    with pytest.raises(UsageError, match="it belongs to user 1234, who could change what is in it"):
        state.publish(published(ONE, 3))


def test_what_is_removed_has_a_name_of_envcs(state: StateFolder) -> None:
    parcels, others = Path(state.path, "parcels"), (HEX, f"{HEX}.jsonl", f"x{HEX}.json", "x.json")
    parcels.mkdir()
    for name in (f"{HEX}.json", *others):
        (parcels / name).write_text("")
    state.publish(published(TWO, 2))
    assert {path.name for path in parcels.iterdir()} == set(others)


def test_a_link_that_comes_meanwhile_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    kept = tmp_path / "elsewhere/a"
    kept.write_text("")
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(NotADirectoryError):
        remove_file(f"{tmp_path}/link/a")
    remove_file(str(kept))
    assert not kept.exists()
