"""Wheels and source distributions: which file is chosen, by what the site allows to be built."""

import pytest

from envc.errors import UnsatisfiableError
from envc.lock import CORE_BASE, layer_problem, target_groups
from envc.resolve import resolve
from support.cases import Case

INDEX = """
[releases.newer-is-source]
"1.0" = []
"2.0" = { sdist = "only" }
[releases.elsewhere]
"1.0" = []
"2.0" = { tags = ["cp311-cp311-win_amd64"], sdist = true }
[releases.both]
"1.0" = { sdist = true }
[releases.wheel-only]
"1.0" = []
"""


def chosen(project: str, policy: str) -> str:
    """The file that is chosen of a project's newest usable release."""
    case = Case(f'{INDEX}[layer.user]\nrequires = ["{project}"]\n[resolver]\n{policy}\n')
    (layer,) = case.site.layers
    (targets,) = target_groups(case.site.targets)
    problem = layer_problem(case.site, layer, base=CORE_BASE, targets=targets, preferred={})
    (pin,) = resolve(problem, case.source).pins
    return pin.distributions[0].filename


NOTHING_IS_BUILT = "no-build = true"
ALL_MAY_BE_BUILT = "no-build = false"

CHOICES = [
    ("newer-is-source", NOTHING_IS_BUILT, "newer_is_source-1.0-py3-none-any.whl"),
    ("newer-is-source", ALL_MAY_BE_BUILT, "newer_is_source-2.0.tar.gz"),
    ("newer-is-source", 'no-build = ["both"]', "newer_is_source-2.0.tar.gz"),
    (
        "newer-is-source",
        'no-build = ["Newer.Is_Source"]',
        "newer_is_source-1.0-py3-none-any.whl",
    ),
    ("elsewhere", NOTHING_IS_BUILT, "elsewhere-1.0-py3-none-any.whl"),
    ("elsewhere", ALL_MAY_BE_BUILT, "elsewhere-2.0.tar.gz"),
    ("both", ALL_MAY_BE_BUILT, "both-1.0-py3-none-any.whl"),
    ("both", f'{ALL_MAY_BE_BUILT}\nno-binary = ["both"]', "both-1.0.tar.gz"),
    ("wheel-only", f'{ALL_MAY_BE_BUILT}\nno-binary = ["both"]', "wheel_only-1.0-py3-none-any.whl"),
]


@pytest.mark.parametrize(("project", "policy", "filename"), CHOICES)
def test_the_file_that_is_chosen(project, policy, filename):
    assert chosen(project, policy) == filename


@pytest.mark.parametrize(
    ("project", "policy", "reason"),
    [
        (
            "wheel-only",
            f'{ALL_MAY_BE_BUILT}\nno-binary = ["wheel-only"]',
            "only wheels, and resolver.no-binary leaves them out: wheel-only 1.0",
        ),
        (
            "both",
            f'{NOTHING_IS_BUILT}\nno-binary = ["both"]',
            "only a source distribution, and builds are not allowed: both 1.0",
        ),
    ],
)
def test_what_is_left_out_is_named(project, policy, reason):
    with pytest.raises(UnsatisfiableError) as caught:
        chosen(project, policy)
    assert f"\n  passed over, {reason}\n" in str(caught.value)
