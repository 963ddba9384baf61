"""An `overlay.toml` document to the overlay's spec."""

from packaging.utils import NormalizedName

from envc.errors import SpecError
from envc.expand.site import finding_rules
from envc.formats.document import Document
from envc.formats.overlay_toml import OverlayDocument
from envc.model.names import CORE
from envc.model.spec import OverlaySpec, SourcedPath


def expand_overlay(document: Document[OverlayDocument]) -> OverlaySpec:
    """The overlay's spec. Whether its base exists and is open is the site's to say.

    Raises:
        SpecError: it stands on itself or on the core.
    """
    table = document.tables.overlay
    if table.base in {table.name, CORE}:
        raise SpecError(
            f"overlay {table.name!r} cannot stand on {table.base!r}",
            where=str(document.origin("overlay", "base")),
            mend="name a common layer of the site, or another overlay",
        )
    return OverlaySpec(
        name=table.name,
        file=document.file,
        base=table.base,
        base_dir=table.base_dir,
        requires=document.sourced(table.requires, "overlay", "requires"),
        constraints=document.sourced(table.constraints, "overlay", "constraints"),
        hide=tuple(sorted(NormalizedName(project) for project in set(table.hide))),
        shadow=table.shadow,
        editable=tuple(
            SourcedPath(path, document.origin("overlay", "editable", number))
            for number, path in enumerate(table.editable)
        ),
        check=finding_rules(document.tables.check),
    )
