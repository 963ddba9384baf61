"""The metadata of scripts: which comments are a block, and where its lines stand."""

import pytest

from envc.errors import SpecError
from envc.formats.inline_metadata import read_inline_metadata


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("print(1)\n", id="no comments"),
        pytest.param("# /// script\n# dependencies = 3\n", id="never closed"),
        pytest.param("# /// other\n# dependencies = 3\n# ///\n", id="a block of another type"),
        pytest.param("# /// script\n#dependencies = 3\n# ///\n", id="no space after the hash"),
        pytest.param("x = 1  # /// script\n# dependencies = 3\n# ///\n", id="behind code"),
    ],
)
def test_what_is_no_block(script):
    assert read_inline_metadata(script.encode(), "plot.py") is None


@pytest.mark.parametrize(
    ("script", "line"),
    [
        pytest.param("# /// script\n# dependencies = ['six']\n# ///\n", 2, id="at the top"),
        pytest.param("\n\n# /// script\n#\n# dependencies = ['six']\n# ///", 5, id="further down"),
        pytest.param("# /// script\r\n# dependencies = ['six']\r\n# ///\r\n", 2, id="CRLF"),
        pytest.param("\ufeff# /// script\n# dependencies = ['six']\n# ///\n", 2, id="a BOM"),
        pytest.param(
            "# /// script\n# dependencies = ['six']\n# x = '''\n# ///\n# '''\n# [tool]\n# ///\n",
            0,
            id="the last closing line of one comment ends the block",
        ),
    ],
)
def test_where_a_block_stands(script, line):
    if not line:
        with pytest.raises(SpecError, match="unknown key") as caught:
            read_inline_metadata(script.encode(), "plot.py")
        assert caught.value.faults[0].where == "plot.py:3 (x)"
        return
    found = read_inline_metadata(script.encode(), "plot.py")
    assert found is not None
    assert found.tables.dependencies == ("six",)
    assert str(found.origin("dependencies")) == f"plot.py:{line} (dependencies)"


def test_tables_of_other_tools_are_theirs():
    script = "# /// script\n# [tool.uv]\n# x = 1\n# [tool.envc]\n# base = 'user'\n# ///\n"
    found = read_inline_metadata(script.encode(), "plot.py")
    assert found is not None
    assert found.tables.tool.envc.base == "user"


def test_a_script_that_is_no_text():
    with pytest.raises(SpecError) as caught:
        read_inline_metadata(b"# \xff", "plot.py")
    assert str(caught.value) == "plot.py: not UTF-8 at byte 2\n  help: save the script as UTF-8"
