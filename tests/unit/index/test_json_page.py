import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envc.index import json_page as room
from envc.index.json_page import json_page

PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
PAGES = st.dictionaries(st.text() | st.just("files"), VALUES, max_size=4) | VALUES
LAYOUTS = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}])


@given(PAGES, LAYOUTS, st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_a_page_is_what_json_says(page, layout, encoding):
    content = json.dumps(page, **layout).encode(encoding)
    listed = []
    found = json_page(content, lambda files: listed.extend(files) or "collected")
    if isinstance(page, dict) and isinstance(page.get("files"), list):
        assert found == page | {"files": "collected"}
        assert [file for file, _ in listed] == page["files"]
        assert [json.loads(text) for _, text in listed] == page["files"]
    else:
        assert found == page
        assert listed == []


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" ", b"{", b"{}{}", b"[] x", b'{"a" 1}', b'{"a": 1,}', b'{"a": 1 "b": 2}'),
        *(b"{1: 2}", b'{"files": [', b'{"files": [1', b'{"files": [1,]}', b'{"files": [1 2]}'),
        *(b'{"files": [1]', b'{"files": [1}}', b"{]", b"\xff", b'{"files": [{"a": }]}'),
    ],
)
def test_what_json_refuses_is_no_page(content):
    with pytest.raises(ValueError):  # noqa: PT011 - the caller has the words
        json.loads(content)
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        json_page(content, list)


def test_of_two_lists_of_files_the_last_counts():
    assert json_page(b'{"files": [1], "files": [2, 3]}', list) == {"files": [(2, "2"), (3, "3")]}
    assert json_page(b'{"files": [1], "files": 2}', list) == {"files": 2}


def test_a_page_lists_no_more_than_any_page(monkeypatch):
    monkeypatch.setattr(room, "_MOST_FILES", 3)
    assert len(json_page(b'{"files": [1, 2, 3]}', list)["files"]) == 3
    with pytest.raises(ValueError, match="it lists more than 3 files"):
        json_page(b'{"files": [1, 2, 3, 4]}', list)


def test_files_are_not_kept_while_the_next_are_read():
    seen = []

    def collect(files):
        for number, _ in enumerate(files):
            seen.append(number)
            if number == 1:
                raise KeyError

    with pytest.raises(KeyError):
        json_page(b'{"files": [1, 2, this is not looked at', collect)
    assert seen == [0, 1]
