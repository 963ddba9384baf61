"""An `overlay.toml` document to the overlay's spec."""

from packaging.utils import NormalizedName

from envc.errors import SpecError
from envc.expand.site import finding_rules, releases_of
from envc.formats.document import Document
from envc.formats.overlay_toml import OverlayDocument
from envc.model.names import CORE, DESCRIBED
from envc.model.spec import OnSpec, OverlaySpec, SourcedPath


def expand_overlay(document: Document[OverlayDocument]) -> OverlaySpec:
    """The overlay's spec. Whether its base exists and is open is the site's to say.

    Raises:
        SpecError: it stands on itself or on the core.
    """
    table = document.tables.overlay
    base = table.base or DESCRIBED
    if base in {table.name, CORE}:
        where = document.origin("overlay", "base" if table.base else "name")
        raise SpecError(
            f"overlay {table.name!r} cannot stand on {base!r}",
            where=str(where),
            mend="name a common layer of the site, or another overlay"
            if table.base
            else "choose another name",
        )
    return OverlaySpec(
        name=table.name,
        file=document.file,
        base=base,
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
        on=OnSpec(python=table.on.python, paths=table.on.paths, modules=table.on.modules)
        if table.on is not None
        else None,
        stands_for=releases_of(table.stands_for),
        replace=tuple(sorted(NormalizedName(project) for project in set(table.replace))),
        warns_of_changes=table.changed_base == "warn",
    )
