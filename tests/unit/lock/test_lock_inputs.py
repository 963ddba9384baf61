"""What makes a lock stale: everything that decides it, and nothing else."""

import pytest

from envc.lock import CORE_BASE, layer_inputs, on_layer, overlay_inputs
from envc.model.lock import Lock
from support.cases import Case

SITE = """
[[index]]
name = "one"
url = "https://index.test/one"
[[index]]
name = "two"
url = "https://index.test/two"
[sources]
numpy = "one"
[[target]]
name = "node"
platform = "linux-x86_64"
libc = "glibc-2.28"
python-full = "3.11.7"
[[target]]
name = "arm"
platform = "linux-aarch64"
python-full = "3.11.7"
[layer.user]
requires = ["numpy", "numpy>=1"]
constraints = ["numpy<3", "six"]
overrides = ["six<2"]
[resolver]
prereleases = "allow"
exclude-newer = 2026-01-01T00:00:00Z
[overlays]
shadow = "coherent"
[overlay.alice]
requires = ["numpy", "six"]
constraints = ["six<9"]
hide = ["gone"]
"""


# What 0.1 wrote into the locks of this site.
OF_0_1 = (
    "sha256:125fe87294137360f14985497eb432b63f245185dfecb0bb2326b7af03648484",
    "sha256:fefd8dea90018b51237df6a656427e1026676bb7e9f33d7fd4f19400b9cf6eb4",
)


def inputs(old="", new=""):
    """The digests of the layer's and of the overlay's inputs, with a piece replaced."""
    assert old in SITE
    case = Case(SITE.replace(old, new) if old else SITE)
    layer = case.site.layers[0]
    lock = Lock(layer="user", pins=())
    base = on_layer(case.site, "user", base=CORE_BASE, lock=lock, lock_digest="sha256:1")
    (alice,) = case.overlays()
    return layer_inputs(case.site, layer, CORE_BASE), overlay_inputs(case.site, alice, base)


SAME = {
    "the order of requirements": ('"numpy", "numpy>=1"', '"numpy>=1", "numpy"'),
    "the order of constraints": ('"numpy<3", "six"', '"six", "numpy<3"'),
    "spaces": ('"numpy>=1"', '"numpy >= 1"'),
    "a requirement twice": ('"numpy", "six"]', '"numpy", "six", "six"]'),
    "a comment": ("[resolver]", "# how\n[resolver]"),
    "who asks an index": ("https://index.test/one", "https://ann:pw@index.test/one"),
    "the same instant": ("2026-01-01T00:00:00Z", '"2026-01-01T00:00:00+00:00"'),
}
LAYER = {
    "a requirement": ('"numpy>=1"]', '"numpy>=1", "six"]'),
    "a specifier": ('"numpy>=1"', '"numpy>=2"'),
    "a constraint": ('"numpy<3"', '"numpy<4"'),
    "an override": ('"six<2"', '"six<3"'),
    "an index's place": ("index.test/one", "index.test/other"),
    "an index of its own": ('name = "two"', 'name = "two"\nexplicit = true'),
    "a source": ('numpy = "one"', 'numpy = "two"'),
    "a target": ('libc = "glibc-2.28"', 'libc = "glibc-2.34"'),
    "a target's processor": ('libc = "glibc-2.28"', 'libc = "glibc-2.28"\ncpu = "x86-64-v2"'),
    "the policy": ('prereleases = "allow"', 'prereleases = "disallow"'),
    "the policy of one project": (
        'prereleases = "allow"',
        'prereleases = "allow"\nprerelease = { six = "explicit" }',
    ),
    "the way of choosing": ('prereleases = "allow"', 'resolution = "lowest"'),
    "what may be built": ('prereleases = "allow"', 'prereleases = "allow"\nno-build = false'),
    "what must be built": ('prereleases = "allow"', 'prereleases = "allow"\nno-binary = ["six"]'),
    "the instant": ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
}
OVERLAY = {
    "its requirement": ('"numpy", "six"]', '"numpy"]'),
    "its constraint": ('"six<9"', '"six<8"'),
    "what it hides": ('"gone"', '"gone", "six"'),
    "what it may shadow": ('shadow = "coherent"', 'shadow = "never"'),
}


def test_locks_of_an_older_release_stay_fresh():
    assert inputs() == OF_0_1


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_does_not_count(old, new):
    assert inputs(old, new) == inputs()


@pytest.mark.parametrize(("old", "new"), LAYER.values(), ids=LAYER)
def test_counts_for_a_layer(old, new):
    assert inputs(old, new)[0] != inputs()[0]


@pytest.mark.parametrize(("old", "new"), OVERLAY.values(), ids=OVERLAY)
def test_counts_for_an_overlay_alone(old, new):
    layer, overlay = inputs(old, new)
    assert layer == inputs()[0]
    assert overlay != inputs()[1]
