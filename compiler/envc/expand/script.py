"""A script's metadata to the overlay that it runs in."""

from urllib.parse import quote

from packaging.requirements import Requirement

from envc.formats.document import Document
from envc.formats.inline_metadata import ScriptTable
from envc.model.digest import digest_of_json, hex_of
from envc.model.spec import OverlaySpec, SourcedRequirement
from envc.model.value import replace

_DIGEST_DIGITS = 16


def expand_script(document: Document[ScriptTable], base: str, *, folder: str) -> OverlaySpec:
    """The overlay of a script, each requirement with its line there.

    Its name follows from base and requirements alone: scripts that ask for the same share one.
    `folder` is the script's, from which relative paths start.
    """
    found = document.sourced(document.tables.dependencies, "dependencies")
    requires = tuple(replace(each, requirement=_anchored(each, folder)) for each in found)
    texts = sorted({str(sourced.requirement) for sourced in requires})
    key = digest_of_json({"base": base, "requires": texts})
    return OverlaySpec(
        name=f"script-{hex_of(key)[:_DIGEST_DIGITS]}",
        file=document.file,
        base=base,
        requires=requires,
    )


def _anchored(sourced: SourcedRequirement, folder: str) -> Requirement:
    """The requirement, a relative path taken from the script's folder."""
    requirement = sourced.requirement
    if requirement.url is None or not requirement.url.startswith("."):
        return requirement
    anchored = Requirement(str(requirement))
    anchored.url = f"file://{quote(folder)}/{requirement.url}"
    return anchored
