"""What a `Requires-Python` says of a target's interpreter.

A lower bound is a law: older Pythons lack what the code uses. An upper bound is a guess, written
before that Python existed: a release behind one is chosen only where no other fits. (pip takes both
for laws and goes back to the last release without a bound; uv heeds lower bounds alone.)
"""

from functools import lru_cache
from typing import Literal

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

Fit = Literal["fits", "beyond", "below"]

_AT_LEAST = {">=", ">", "~=", "==", "==="}


@lru_cache(maxsize=4096)
def python_fit(requires_python: str, python_full: str) -> Fit:
    """How an interpreter fits: "below" a lower bound, "beyond" an upper one (or excluded by `!=`).

    What nobody can read is taken for absent: pip does so, and authors rely on it.
    """
    try:
        specifier = SpecifierSet(requires_python)
        if specifier.contains(python_full, prereleases=True):
            return "fits"
        is_beyond = lower_bounds(specifier).contains(python_full, prereleases=True)
    except ValueError:  # no specifier, or numbers without end
        return "fits"
    return "beyond" if is_beyond else "below"


def lower_bounds(specifier: SpecifierSet) -> SpecifierSet:
    """What is left of a specifier when its upper bounds and holes are taken away."""
    return SpecifierSet(
        ",".join(sorted(_lower(part) for part in specifier if part.operator in _AT_LEAST))
    )


def _lower(part: Specifier) -> str:
    if part.operator == ">":
        return str(part)
    return f">={Version(part.version.removesuffix('.*')).base_version}"
