"""Values as JSON and back."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import pytest
from packaging.requirements import Requirement

from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.pylock_read import lock_from_text
from envc.formats.values import FormError, json_of, plain_of, value_of, value_of_json
from envc.model.digest import Digest, digest_of
from envc.model.lock import Lock
from envc.model.spec import SiteSpec
from envc.model.value import field, value
from support.cases import MACHINE

SPEC = b"""\
version = 1
[site]
name = "canopy"
[core]
python = "3.11"
[[index]]
name = "site"
url = "https://index.example/simple"
explicit = true
[sources]
six = "site"
[[target]]
name = "compute"
platform = "linux-x86_64"
libc = "glibc-2.28"
python-full = "3.11.7"
[layer.user]
requires = [
    "six[b,a]>=1,<2; python_version > '3'",
    "tool @ https://files.example/tool-1-py3-none-any.whl",
]
constraints = ["numpy<2"]
env = { B = "2", A = "1" }
[resolver]
exclude-newer = 2026-11-01T00:00:00Z
no-build = ["six"]
prerelease = { Zope_Event = "explicit", six = "allow" }
[check]
ignore = ["ENVC203"]
"""
LOCK = b"""\
lock-version = "1.0"
created-by = "another tool"
[[packages]]
name = "six"
version = "1.17.0"
[[packages.wheels]]
url = "https://files.example/six-1.17.0-py2.py3-none-any.whl"
upload-time = 2024-12-04T17:35:26Z
hashes = { sha256 = "%s" }
""" % (b"ab" * 32)


Tree: TypeAlias = "dict[str, Literal['leaf'] | Tree]"


class Point(NamedTuple):
    x: int
    y: float


@value(kw_only=True)
class Sample:
    tree: Tree
    points: tuple[Point, ...] = ()
    digest: Digest | None = None
    pair: tuple[str, bool] = ("", False)
    more: Mapping[str, Point] = field(default_factory=dict)


DIGEST = digest_of(b"")
SAMPLE = Sample(
    tree={"a": "leaf", "b": {"c": "leaf", "d": {}}},
    points=(Point(1, 2.5), Point(2, 3)),
    digest=DIGEST,
    pair=("one", True),
    more={"p": Point(0, 0)},
)


@pytest.mark.parametrize("sample", [SAMPLE, Sample(tree={})])
def test_a_value_comes_back_as_it_was(sample):
    assert value_of_json(Sample, json_of(sample)) == sample


def test_a_site_comes_back_as_it_was():
    site = expand_site(read_site(SPEC, "envc.toml"), lambda _: MACHINE)
    assert value_of_json(SiteSpec, json_of(site)) == site


def test_a_lock_comes_back_as_it_was():
    lock = lock_from_text(LOCK, "pylock.user.toml", "user")
    assert value_of_json(Lock, json_of(lock)) == lock


def test_what_has_a_default_may_be_missing():
    assert value_of_json(Sample, b'{"tree": {}}') == Sample(tree={})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"tree": {"a": {"b": "twig"}}}, "tree.a.b: this must be one of leaf"),
        ({"tree": None}, "tree: this must be an object"),
        ({"points": [[1, 2], [1]]}, "points[1]: this must be an array of 2"),
        ({"points": [[1, 2], ["1", 2]]}, "points[1][0]: this must be an integer"),
        ({"points": [[True, 2]]}, "points[0][0]: this must be an integer"),
        ({"points": "12"}, "points: this must be an array"),
        ({"digest": 1}, "digest: this must be a text"),
        ({"pair": ["one", 1]}, "pair[1]: this must be true or false"),
        ({"more": {"p": [0, "0"]}}, "more.p[1]: this must be a number"),
        ({"other": 1}, "other: this field is unknown"),
    ],
)
def test_a_wrong_field_is_told_by_its_place(changes, what):
    plain = plain_of(SAMPLE) | changes
    with pytest.raises(FormError) as raised:
        value_of(Sample, plain)
    assert str(raised.value) == what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"{", "this is not JSON"),
        (b"[" * 100_000, "this is not JSON"),
        (b"[]", "this must be an object"),
        (b"{}", "tree: this field is missing"),
    ],
)
def test_what_is_no_value_is_refused(text, what):
    with pytest.raises(FormError, match=what):
        value_of_json(Sample, text)


def test_what_library_refuses_is_no_value():
    with pytest.raises(FormError, match="this is no requirement"):
        value_of(Requirement, "a b c")


def test_what_is_nested_too_deeply_is_refused():
    tree: Any = {}
    for _ in range(100_000):
        tree = {"a": tree}
    with pytest.raises(FormError, match="nested too deeply"):
        value_of(Sample, {"tree": tree})


def test_what_has_no_form_is_not_written():
    with pytest.raises(TypeError, match="set has no form in JSON"):
        json_of((1, {2}))
