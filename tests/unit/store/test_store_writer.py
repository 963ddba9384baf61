"""What a stored file's time says."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from envc.model.digest import digest_of, hex_of
from envc.model.manifest import PUBLISHED_MTIME_SECONDS, published_ns
from envc.store.writer import TreeWriter


def test_times_tell_contents_apart_below_a_second(tmp_path: Path) -> None:
    """Caches go by path, time and size; whether somebody has written, by whole seconds."""
    with TreeWriter(str(tmp_path)) as writer:
        for path, content in (("a", b"1"), ("b", b"2"), ("c/a", b"1")):
            writer.write(path, [content], 0o444)
    one, other, again = ((tmp_path / path).stat() for path in ("a", "b", "c/a"))
    assert int(one.st_mtime) == int(other.st_mtime) == PUBLISHED_MTIME_SECONDS
    assert one.st_mtime == again.st_mtime != other.st_mtime


@given(st.binary(max_size=9))
def test_no_fraction_is_rounded_to_the_next_second(content: bytes) -> None:
    assert int(published_ns(hex_of(digest_of(content))) / 1e9) == PUBLISHED_MTIME_SECONDS
    assert int(published_ns("f" * 64) / 1e9) == PUBLISHED_MTIME_SECONDS
