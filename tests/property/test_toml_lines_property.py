"""Random TOML documents, written with the line of every key known: the scanner must find it."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envc.formats.toml_lines import lines_of

pytestmark = pytest.mark.slow

bare = st.sampled_from(["a", "b1", "c-d", "e_f", "7"])
quoted = st.sampled_from(['"x.y"', "'[z]'", '"#k"', "'it is'", '"a\\"b"', '"\\u0041"', '""'])
keys = st.one_of(bare, bare, bare, quoted)
scalars = st.sampled_from(
    [
        "1",
        "-1.5e3",
        "true",
        "inf",
        "1979-05-27 07:32:00",
        "07:32:00",
        '"plain"',
        '"with # and [brackets] = \\"quotes\\" \\\\"',
        "'literal \\ # ] } ,'",
        '""',
        "''",
        '"""one\ntwo # [x]\n"quoted" \\""" three"""',
        "'''one\n[not a table]\n'two''''",
        '"""ends in quotes"""""',
        '"""\n\n"""',
    ]
)
gaps = st.sampled_from([" ", "  ", "\n", " # [comment], }\n", "\n\n  "])


@st.composite
def values(draw, depth=2):
    """A value's text, and the line (from 0) of everything in it, by path."""
    kind = draw(st.sampled_from(["scalar", "scalar", "array", "inline"])) if depth else "scalar"
    if kind == "scalar":
        return draw(scalars), {}
    text, lines = ("[", {}) if kind == "array" else ("{", {})
    names = draw(st.lists(bare, max_size=3, unique=True))
    for number, name in enumerate(names):
        inner, below = draw(values(depth - 1 if kind == "array" else 0))
        if kind == "array":
            text += draw(gaps)
            path = number
        else:
            text += f" {name} = "
            path = name
        line = text.count("\n")
        lines[(path,)] = line
        lines |= {(path, *rest): line + at for rest, at in below.items()}
        text += inner
        if kind == "array":
            text += draw(gaps)
        if number < len(names) - 1 or (kind == "array" and draw(st.booleans())):
            text += ","
    return text + ("]" if kind == "array" else " }"), lines


@st.composite
def documents(draw):
    """A document and the line (from 1) of every key, array element and table."""
    text, lines = "", {}

    def pairs(prefix):
        nonlocal text
        for key in draw(st.lists(keys, max_size=3, unique_by=name_of)):
            text += draw(st.sampled_from(["", "\n", "# comment = 1\n", "   "]))
            value, below = draw(values())
            dotted = draw(st.booleans()) and key != "a"
            line = text.count("\n") + 1
            path = (*prefix, name_of(key), *(["sub"] if dotted else []))
            text += f"{key}{' . sub' if dotted else ''} = "
            lines[path] = line
            lines.update({(*path, *rest): line + at for rest, at in below.items()})
            text += value + draw(st.sampled_from(["\n", " # end\n", "\t\n"]))

    pairs(())
    for number in range(draw(st.integers(0, 2))):
        lines[(f"table{number}",)] = text.count("\n") + 1
        text += f"[table{number}]\n"
        pairs((f"table{number}",))
    for number in range(draw(st.integers(0, 3))):
        line = text.count("\n") + 1
        lines.setdefault(("list",), line)
        lines[("list", number)] = line
        text += "[[ list ]] # one\n"
        pairs(("list", number))
        if draw(st.booleans()):
            lines[("list", number, "below")] = text.count("\n") + 1
            text += "[list.below]\n"
            pairs(("list", number, "below"))
    return text, lines


def name_of(key):
    return next(iter(tomllib.loads(f"{key} = 1")))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(documents())
def test_every_key_has_its_line(document):
    text, expected = document
    tomllib.loads(text)
    found = lines_of(text)
    assert {path: found.get(path) for path in expected} == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(documents())
def test_carriage_returns_change_no_line(document):
    text, _ = document
    assert lines_of(text.replace("\n", "\r\n")) == lines_of(text)
