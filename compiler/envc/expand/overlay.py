"""An `overlay.toml` document to the overlay's spec."""

from packaging.utils import NormalizedName

from envc.errors import SpecError
from envc.expand.site import sourced_requirements
from envc.formats.document import Document
from envc.formats.overlay_toml import OverlayCheckTable, OverlayDocument, RuleTable
from envc.model.spec import (
    CORE,
    FindingRule,
    OverlaySpec,
    SourcedPath,
    SourcedRequirement,
    Treatment,
)


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

    def sourced(key: str, texts: tuple[str, ...]) -> tuple[SourcedRequirement, ...]:
        return sourced_requirements(texts, lambda i: document.origin("overlay", key, i))

    return OverlaySpec(
        name=table.name,
        file=document.file,
        base=table.base,
        base_dir=table.base_dir,
        requires=sourced("requires", table.requires),
        constraints=sourced("constraints", table.constraints),
        hide=tuple(sorted(NormalizedName(project) for project in set(table.hide))),
        shadow=table.shadow,
        editable=tuple(
            SourcedPath(path, document.origin("overlay", "editable", number))
            for number, path in enumerate(table.editable)
        ),
        check=_rules(document.tables.check),
    )


def _rules(check: OverlayCheckTable) -> tuple[FindingRule, ...]:
    by_treatment: dict[Treatment, tuple[RuleTable, ...]] = {
        "error": check.error,
        "warning": check.warning,
        "ignore": check.ignore,
    }
    return tuple(
        FindingRule(rule.code, treatment, rule.reason)
        for treatment, rules in by_treatment.items()
        for rule in rules
    )
