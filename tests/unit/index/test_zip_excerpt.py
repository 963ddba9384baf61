import io
import zipfile
from contextlib import suppress

import pytest

from envc.formats.core_metadata import METADATA_NAME_ENDING, wheel_metadata
from envc.index.zip_excerpt import excerpt

NAME = "six-1.dist-info/METADATA"
ENDING = METADATA_NAME_ENDING.encode()


def archive(*names, comment=b"", method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name in names:
            made.writestr(name, f"the text of {name} " * 50)
        made.comment = comment
    return stream.getvalue()


def taken(content, most_bytes=1 << 20):
    return excerpt(io.BytesIO(content), ENDING, most_bytes=most_bytes)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_the_member_is_what_the_whole_archive_has(method):
    vendored = f"six/_vendor/{NAME}"
    content = archive("a.py", vendored, NAME, "six-1.dist-info/RECORD", "ü.py", method=method)
    small = taken(content)
    with zipfile.ZipFile(small) as few, zipfile.ZipFile(io.BytesIO(content)) as all_:
        assert few.namelist() == [NAME]
        assert few.read(NAME) == all_.read(NAME) == wheel_metadata(io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x05\x06",
        archive("a.py"),
        archive(NAME, f"other-{NAME}"),
        archive(NAME, comment=b"a comment"),
        b"before it" + archive(NAME),
        archive(NAME) + b"behind it",
        archive(NAME)[:-30] + archive(NAME)[-22:],
        archive(NAME, "b.py").replace(b"PK\x01\x02", b"PK\x01\x03"),
    ],
)
def test_of_what_is_odd_the_whole_archive_tells(content):
    assert taken(content) is None


def test_a_member_that_is_too_long_is_left_to_who_reads_it_in_parts():
    assert taken(archive(NAME, method=zipfile.ZIP_STORED), most_bytes=100) is None


@pytest.mark.parametrize("place", range(0, 260, 3))
def test_no_damage_is_read_as_something_else(place):
    content = bytearray(archive("a.py", NAME, method=zipfile.ZIP_STORED)[-260:])
    whole = bytearray(archive("a.py", NAME, method=zipfile.ZIP_STORED))
    whole[len(whole) - len(content) + place] ^= 0xFF
    right = wheel_metadata(io.BytesIO(archive("a.py", NAME)))
    with suppress(ValueError):  # in words
        assert wheel_metadata(taken(bytes(whole)) or io.BytesIO(bytes(whole))) == right
