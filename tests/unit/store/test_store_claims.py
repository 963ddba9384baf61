"""What a wheel's METADATA claims is read as the resolver reads it: what is locked can be had."""

from packaging.utils import canonicalize_name
from packaging.version import Version

from envc.formats.core_metadata import parse_metadata
from envc.model.release import Distribution
from envc.store.dist_info import identify, read_claims

WHEEL = b"Wheel-Version: 1.0\n"


def test_of_several_names_the_first_counts_for_both():
    twice = (
        b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nName: zz\nVersion: 2\nRequires-Dist: a\n"
    )
    file = Distribution(
        project=canonicalize_name("demo"),
        version=Version("1.0"),
        filename="demo-1.0-py3-none-any.whl",
        url="https://index.test/demo-1.0-py3-none-any.whl",
        index="index",
        kind="wheel",
    )
    identity = identify(file.filename, ["demo.py", "demo-1.0.dist-info/METADATA"])
    claimed = read_claims(identity, twice, WHEEL, None)
    assert claimed.requires == parse_metadata(twice, file).requires == ("a",)
