import tomllib

import pytest
from packaging.requirements import Requirement

from envc.formats.overlay_edit import with_lines, without_lines

SPEC = b"""# alice's own
version = 1

[overlay]
name = "alice"   # me
base = "user"
requires = [
    "polars>=1",  # fast
    "NumPy",
]
# the end
"""


def edited(text, *requirements):
    return with_lines(text, [Requirement(each) for each in requirements]).decode()


def test_what_is_new_is_appended_and_every_comment_stays():
    assert edited(SPEC, "scipy>=1.14") == SPEC.decode().replace(
        '    "NumPy",\n', '    "NumPy",\n    "scipy>=1.14",\n'
    )


def test_what_is_there_is_replaced_in_its_place():
    assert edited(SPEC, "numpy>=2") == SPEC.decode().replace('"NumPy"', '"numpy>=2"')
    assert edited(SPEC, "Polars") == SPEC.decode().replace('"polars>=1"', '"Polars"')


def test_what_is_removed_takes_its_line_with_it():
    text, absent = without_lines(SPEC, ["numpy"])
    assert (text.decode(), absent) == (SPEC.decode().replace('    "NumPy",\n', ""), [])


def test_what_was_not_there_is_told():
    text, absent = without_lines(SPEC, ["scipy", "numpy", "six"])
    assert absent == ["scipy", "six"]
    assert b"NumPy" not in text


def test_a_spec_without_requirements_gets_some():
    text = b'version = 1\n[overlay]\nname = "a"\nbase = "user"\n'
    assert edited(text, "six") == text.decode() + 'requires = ["six"]\n'


FORMS = {
    "inline": 'overlay = { name = "a", base = "user" }',
    "dotted": 'overlay.name = "a"\noverlay.base = "user"',
    "quoted": '["overlay"]\nname = "a"\nbase = "user"',
    "not the last": '[overlay]\nname = "a"\nbase = "user"\n[other]\nx = 1',
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tables_of_other_forms_are_edited_too(form):
    text = f"version = 1\n{form}\n"
    with_six = edited(text.encode(), "six", "numpy")
    before, after = tomllib.loads(text), tomllib.loads(with_six)
    assert after == {**before, "overlay": {**before["overlay"], "requires": ["six", "numpy"]}}
    without, absent = without_lines(with_six.encode(), ["six"])
    assert tomllib.loads(without.decode())["overlay"]["requires"] == ["numpy"]
    assert absent == []


def test_one_project_named_twice_is_removed_everywhere():
    text = SPEC.replace(b'"NumPy"', b'"NumPy", "numpy; python_version > \'3\'"')
    removed, absent = without_lines(text, ["numpy"])
    assert absent == []
    assert b"umpy" not in removed.lower()
