from zipfile import ZipFile

import pytest

from envc.errors import OutsideError
from envc.host.space import Need, Room, need_of, quota_room, refuse_what_cannot_fit
from envc.ports import SilentReporter
from support.wheels import Recipe

LINUX = """\
Disk quotas for user alice (uid 1000):
     Filesystem  space   quota   limit   grace   files   quota   limit   grace
      /dev/sda1    {kibibytes}  {quota}  {limit}  0  {files}  {soft}  {hard}  0
"""


def answer(**numbers: object) -> str:
    every = {"kibibytes": 0, "quota": 0, "limit": 0, "files": 0, "soft": 0, "hard": 0}
    return LINUX.format(**(every | numbers))


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("", None),
        ("Disk quotas for user alice (uid 1000): none\n", None),
        (answer(kibibytes=5), None),
        (answer(kibibytes=5, limit=10), Room("alice", 5 * 1024, None)),
        (answer(kibibytes=5, quota=8, limit=10), Room("alice", 3 * 1024, None)),
        (answer(kibibytes="9*", quota=8, limit=10), Room("alice", 0, None)),
        (answer(files=90, hard=100), Room("alice", None, 10)),
        ("/lustre 12 0 20 - 1 0 0 -\n", Room("alice", 8 * 1024, None)),
    ],
)
def test_what_quota_programs_say(text, room):
    assert quota_room(text, "alice") == room


def test_what_a_wheel_takes(tmp_path):
    """Two sources with bytecode, four files of metadata, two folders in four places."""
    files = {"a/__init__.py": "x", "a/data.bin": b"1" * 5000}
    wheel = Recipe(name="a", version="1", files=files).build(tmp_path)
    # __init__.py and its bytecode, two blocks of data, METADATA, WHEEL, RECORD; a/, a-1.dist-info/
    assert need_of([str(wheel)]) == Need((2 + 2 + 3 + 8) * 4096, 2 + 1 + 3 + 8)


def test_what_is_no_wheel_is_left_to_ingest(tmp_path):
    (tmp_path / "a.whl").write_text("not a wheel")
    assert need_of([str(tmp_path / "a.whl"), str(tmp_path / "absent.whl")]) == Need(0, 0)


def test_a_hostile_wheel_is_weighed_too(tmp_path):
    """Who looked for the folders above an absolute path never came to an end."""
    with ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("/folder/file", "x")
    assert need_of([str(tmp_path / "a.whl")]).files == 1 + 4


def test_a_file_system_that_is_too_small(tmp_path):
    with pytest.raises(OutsideError, match="it does not fit: "):
        refuse_what_cannot_fit(Need(10**19, 1), str(tmp_path), SilentReporter())
