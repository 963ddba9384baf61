"""`overlay.toml`, a user's layer (format 1; docs: schemas/overlay.md)."""

from typing import Annotated, Any

from envc.formats.document import (
    ChangeableCodeText,
    ConstraintText,
    Document,
    LayerName,
    ProjectText,
    RequirementText,
    read_document,
)
from envc.formats.envc_toml import ChangedBase, FormatVersion, StandsFor
from envc.formats.forms import FoundFolder, FoundPath, ModuleName, Path, Reason
from envc.formats.values import Beside, Flaw
from envc.model.policy import ShadowPolicy
from envc.model.value import field, value

# A thousand pins with a comment each. A check of what fills it takes less than a second.
MOST_BYTES = 64 << 10


@value(kw_only=True)
class OnTable:
    """`overlay.on`: an environment that envc did not build."""

    python: FoundPath
    paths: tuple[FoundFolder, ...] = ()
    modules: tuple[ModuleName, ...] = ()


@value(kw_only=True)
class OverlayTable:
    """`[overlay]`: on a layer that is its `base`, or `on` an environment."""

    name: LayerName
    base: LayerName | None = None
    on: OnTable | None = None
    stands_for: StandsFor = field(default_factory=dict)
    replace: tuple[ProjectText, ...] = ()
    changed_base: ChangedBase = "refuse"
    base_dir: str | None = None
    requires: tuple[RequirementText, ...] = ()
    constraints: tuple[ConstraintText, ...] = ()
    hide: tuple[ProjectText, ...] = ()
    shadow: ShadowPolicy | None = None
    editable: tuple[Path, ...] = ()


@value(kw_only=True)
class RuleTable:
    """An element of `check.error`, `check.warning` or `check.ignore`."""

    code: ChangeableCodeText
    reason: Reason


@value(kw_only=True)
class OverlayCheckTable:
    """`[check]`: findings that this overlay wants treated in another way, and why."""

    error: tuple[RuleTable, ...] = ()
    warning: tuple[RuleTable, ...] = ()
    ignore: tuple[RuleTable, ...] = ()


def _standing(plain: Any) -> list[Flaw]:
    """What is wrong with how an overlay says what it stands on."""
    if not isinstance(plain, dict):
        return []
    if "on" in plain:
        mend = "remove one of them"
        both = "an overlay stands on `{}` or `on`, not both"
        return [Flaw(both.format(k), mend, (k,)) for k in ("base", "base-dir") if k in plain]
    found: list[Flaw] = []
    if "stands-for" in plain:
        what = "`stands-for` is for overlays `on` an environment; a site's layer says it for all"
        found.append(Flaw(what, "remove it", ("stands-for",)))
    if "base" not in plain:
        mend = 'name a layer, or an interpreter: on = { python = "/path/of/python3" }'
        found.append(Flaw("missing key", mend, ("base",)))
    return found


@value(kw_only=True)
class OverlayDocument:
    """The whole file."""

    version: FormatVersion
    overlay: Annotated[OverlayTable, Beside(_standing)]
    check: OverlayCheckTable = field(default_factory=OverlayCheckTable)


def read_overlay(text: bytes, file: str) -> Document[OverlayDocument]:
    """The document of an `overlay.toml`.

    Raises:
        SpecError: with every fault of the file; or it is larger than any that somebody wrote.
    """
    return read_document(text, file, OverlayDocument, most_bytes=MOST_BYTES)


TEMPLATE = """\
# A personal layer on the common layer "{base}". `envc overlay add PROJECT` edits this file.
version = 1

[overlay]
name = "{name}"
base = "{base}"
requires = []
"""

ON_TEMPLATE = """\
# A personal layer on an environment that envc did not build; base.json beside this file is what was
# found there. `envc overlay add PROJECT` edits this file.
version = 1

[overlay]
name = "{name}"
on = {on}
requires = []
"""
