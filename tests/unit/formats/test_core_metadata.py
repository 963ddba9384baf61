"""METADATA that somebody wrote to hold others up: its release is passed over, with the reason."""

import pytest
from packaging.version import Version

from envc.errors import MetadataError
from envc.formats.core_metadata import parse_metadata
from envc.model.release import Distribution

HEAD = "Metadata-Version: 2.1\nName: aa\nVersion: 1\n"


def parsed(text):
    wheel = Distribution(
        project="aa",
        version=Version("1"),
        filename="aa-1-py3-none-any.whl",
        url="https://h/aa-1-py3-none-any.whl",
        index="https://h/simple",
        kind="wheel",
    )
    return parse_metadata(text.encode(), wheel)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Requires-Dist: bb\n" * 300_000, "has more than 4194304 bytes of headers"),
        ("A: b\n" * 900_000, "has more than 4194304 bytes of headers"),
        ("Requires-Dist: bb\n" * 10 + " x\n" * 1_000_000, "has more than 524288 characters of req"),
        ("Requires-Dist: bb>=1\n" * 120_000, "has more than 524288 characters of requirements"),
    ],
)
def test_what_has_no_end_is_refused_before_it_is_resolved(line, what):
    with pytest.raises(MetadataError, match=f"the metadata of aa-1-py3-none-any.whl {what}"):
        parsed(HEAD + line)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_long_description_counts_for_nothing(end):
    text = (
        HEAD.replace("\n", end) + f"Requires-Dist: bb{end}{end}" + "Requires-Dist: no\n" * 300_000
    )
    assert parsed(text).requires == ("bb",)


def test_a_thousand_requirements_are_no_fault():
    text = "".join(f'Requires-Dist: bb-{n}<2,>=1; extra == "e{n}"\n' for n in range(3_000))
    assert len(parsed(HEAD + text).requires) == 3_000


def test_a_requires_python_without_end_is_taken_for_absent():
    assert parsed(f"{HEAD}Requires-Python: {'>=3,' * 2_000}>3\n").requires_python is None
