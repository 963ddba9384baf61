"""Why a pin is as it is: each thing that can hold it back, and every way that leads to it."""

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from envc.lock import CORE_BASE, layer_problem, target_groups
from envc.resolve import why
from support.cases import Case


def why_of(text: str, project: str, *, present=None):
    """Why a project is in layer user of a case, whose present lock pins `present`."""
    case = Case(text)
    (layer,) = case.site.layers
    (targets,) = target_groups(case.site.targets)
    preferred = {canonicalize_name(name): Version(pin) for name, pin in (present or {}).items()}
    problem = layer_problem(case.site, layer, base=CORE_BASE, targets=targets, preferred=preferred)
    return why(problem, case.source, canonicalize_name(project))


def held(text: str, **present):
    return [
        (each.kind, each.reason, each.versions) for each in why_of(text, "a", present=present).held
    ]


def two_releases(newer: str, layer: str = 'requires = ["a"]', others: str = "") -> str:
    """A case of a project a with releases 1 and 2; `newer` is what the tables say of 2."""
    return f'[releases.a]\n"1" = []\n"2" = {newer}\n{others}\n[layer.user]\n{layer}\n'


CAUSES = {
    "a line of the spec": (
        two_releases("[]", 'requires = ["a<2"]'),
        [("requirement", "in.toml:6 (layer.user.requires[0]) requires a<2", ("2",))],
    ),
    "a constraint": (
        two_releases("[]", 'requires = ["a"]\nconstraints = ["a<2"]'),
        [("constraint", "in.toml:7 (layer.user.constraints[0]) constrains a<2", ("2",))],
    ),
    "another release": (
        two_releases("[]", 'requires = ["a", "b"]', '[releases.b]\n"1" = ["a==1"]'),
        [("release", "b 1 requires a==1", ("2",))],
    ),
    "what it requires itself": (
        two_releases('["b<1"]', 'requires = ["a", "b"]', '[releases.b]\n"1" = []'),
        [("release", "it requires b<1, and b 1 is pinned", ("2",))],
    ),
    "what it requires of itself": (
        two_releases('["a<2"]'),
        [("release", "it requires a<2, and so not itself", ("2",))],
    ),
    "a line that nobody can read": (
        two_releases('["b>>1"]'),
        [("release", "it requires b>>1 (a line that nobody can read), and so not itself", ("2",))],
    ),
    "metadata that cannot be used": (
        two_releases('{ broken = "its metadata is that of b" }'),
        [("metadata", "its metadata is that of b", ("2",))],
    ),
    "its Python": (
        two_releases('{ python = ">=3.12" }'),
        [("python", "needs Python >=3.12", ("2",))],
    ),
    "an upper bound on Python": (
        two_releases('{ python = "<3.11" }'),
        [("python", "a last resort: it asks for Python <3.11", ("2",))],
    ),
    "yanking": (two_releases('{ yanked = "broken" }'), [("yanked", "yanked", ("2",))]),
    "tags": (
        two_releases('{ tags = ["cp311-cp311-win_amd64"] }'),
        [("tags", "no wheel for target host (linux-x86_64, glibc-2.28, Python 3.11)", ("2",))],
    ),
    "a source distribution": (
        two_releases('{ sdist = "only" }'),
        [("sdist", "only a source distribution, and builds are not allowed", ("2",))],
    ),
    "nothing": (two_releases("[]"), []),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_holds_a_pin_back(cause):
    text, expected = CAUSES[cause]
    assert held(text) == expected


def test_an_instant_holds_a_pin_back():
    dated = """
[releases.a]
"1" = { uploaded = 2026-01-01T00:00:00Z }
"2" = { uploaded = 2026-03-01T00:00:00Z }
[layer.user]
requires = ["a"]
[resolver]
exclude-newer = "2026-02-01T00:00:00Z"
"""
    assert held(dated) == [("too new", "newer than 2026-02-01T00:00:00+00:00", ("2",))]


def test_the_present_lock_holds_a_pin_back():
    assert held(two_releases("[]"), a="1") == [
        ("lock", "the lock keeps 1 until it is let move", ("2",))
    ]


PRERELEASES = """
[releases.a]
"1" = []
"2b1" = []
"2b2" = { python = "<3.11" }
[layer.user]
requires = ["a"]
[resolver]
prereleases = "POLICY"
"""
BEHIND = "a prerelease, and a stable release meets what is asked for"


@pytest.mark.parametrize(
    ("policy", "reason", "versions"),
    [
        ("if-necessary", BEHIND, ("2b2", "2b1")),
        ("explicit", "a prerelease, and no line of the spec names one", ("2b2", "2b1")),
        ("disallow", "a prerelease, and resolver.prereleases forbids them", ("2b2", "2b1")),
    ],
)
def test_a_stable_release_holds_a_pin_back(policy, reason, versions):
    assert held(PRERELEASES.replace("POLICY", policy)) == [("prerelease", reason, versions)]


def test_a_lock_holds_a_prerelease_back():
    text = PRERELEASES.replace("POLICY", "if-necessary")
    assert held(text, a="2b1") == [
        ("python", "a last resort: it asks for Python <3.11", ("2b2",)),
    ]


def test_the_policy_holds_a_pin_back():
    text = two_releases("[]") + '[resolver]\nresolution = "lowest"\n'
    assert held(text) == [
        ("policy", 'resolver.resolution = "lowest" prefers the oldest that fits', ("2",))
    ]


MANY = """
[releases.a]
"1" = []
"2" = ["b<1"]
"3" = { yanked = "broken" }
"4rc1" = []
"5" = { yanked = "broken" }
[releases.b]
"1" = []
[releases.c]
"1" = ["b", "a"]
[releases.d]
"1" = { extras = { more = ["c"] } }
[layer.user]
requires = ["d[more]", "a"]
"""


def test_newer_releases_are_grouped_by_what_excludes_them():
    assert [(each.kind, each.versions) for each in why_of(MANY, "a").held] == [
        ("yanked", ("5", "3")),
        ("prerelease", ("4rc1",)),
        ("release", ("2",)),
    ]
    assert why_of(MANY, "a").newest == "5"


def test_everybody_who_asks_is_named_with_the_shortest_way_to_them():
    found = why_of(MANY, "a")
    line, release = found.asked
    assert (line.by, line.requirement, line.where, line.path) == (
        "spec",
        "a",
        "in.toml:15 (layer.user.requires[1])",
        (),
    )
    assert (release.by, release.requirement, release.where) == ("c 1", "a", "")
    assert release.path == (
        "in.toml:15 (layer.user.requires[0]) requires d[more]",
        "d 1",
        "c 1",
    )


def test_what_nobody_asks_for_has_no_why():
    assert why_of(two_releases("[]", others='[releases.b]\n"1" = []'), "b") is None
