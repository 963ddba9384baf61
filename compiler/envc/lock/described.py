"""An inventory as what stands below a layer: pins, what is kept, what binds, what is protected.

Every project stays at what is there. What the environment lacks itself is nobody's to bring, and
binds whoever asks for it; what it breaks itself is nobody's to mend.
"""

from collections.abc import Mapping
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envc.model.digest import Digest
from envc.model.inventory import InstalledDistribution, Inventory, Unmet
from envc.model.names import site_packages_of
from envc.model.release import CoreMetadata, Distribution
from envc.model.resolution import InheritedPin
from envc.model.spec import Origin, SourcedRequirement
from envc.model.target import Target
from envc.model.value import replace
from envc.model.wheel import ModuleTree, WheelContents, WheelFacts


def judged_as(inventory: Inventory, releases: Mapping[NormalizedName, str]) -> Inventory:
    """The inventory with these projects at the releases that their private versions stand for.

    What the version that is there meets, its release meets; and what that meets is met.
    """
    if not releases:
        return inventory
    there = {each.project: each.version for each in inventory.visible()}

    def line(text: str) -> str:
        requirement = Requirement(text)
        project = canonicalize_name(requirement.name)
        release, present = releases.get(project), there.get(project)
        if release is None or present is None or not _admits(requirement, present):
            return text
        if not _admits(requirement, release):
            requirement.specifier = SpecifierSet(f"=={release}")
        return str(requirement)

    def is_met(unmet: Unmet) -> bool:
        requirement = Requirement(unmet.requirement)
        release = releases.get(canonicalize_name(requirement.name))
        return unmet.present is not None and release is not None and _admits(requirement, release)

    return replace(
        inventory,
        distributions=tuple(
            replace(
                each,
                version=releases.get(each.project, each.version),
                requires=tuple(map(line, each.requires)),
            )
            for each in inventory.distributions
        ),
        unmet=tuple(each for each in inventory.unmet if not is_met(each)),
    )


def _admits(requirement: Requirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


def described_pins(
    inventory: Inventory, targets: tuple[Target, ...], layer: str
) -> tuple[InheritedPin, ...]:
    """What an environment shows to those above it, as pins of that layer, in order of project."""
    return tuple(
        InheritedPin(
            project=each.project,
            version=Version(each.version),
            distributions=(_file(inventory, each),) * len(targets),
            layer=layer,
        )
        for each in inventory.visible()
    )


def known_metadata(inventory: Inventory) -> dict[str, CoreMetadata]:
    """URL of each distribution → its metadata, without the requirements that are not met there."""
    unmet = {(each.project, each.requirement) for each in inventory.unmet}
    return {
        _url(inventory, each): CoreMetadata(
            project=each.project,
            version=each.version,
            requires=tuple(
                _without_url(line) for line in each.requires if (each.project, line) not in unmet
            ),
            requires_python=None,  # it runs there
            extras=each.extras,
        )
        for each in inventory.visible()
    }


def _without_url(line: str) -> str:
    """A requirement that is met by what is there, wherever that came from."""
    if "@" not in line:
        return line
    requirement = Requirement(line)
    requirement.url = None
    return str(requirement)


def kept_of(inventory: Inventory) -> tuple[SourcedRequirement, ...]:
    """Every project, as a requirement that binds to nothing but its being there."""
    origin = Origin(f"the base {inventory.python}", 0, "")
    return tuple(
        SourcedRequirement(Requirement(each.project), origin) for each in inventory.visible()
    )


def constraints_of(inventory: Inventory) -> tuple[SourcedRequirement, ...]:
    """What the environment would have to meet, as bounds of what it lacks: without extras."""
    found: list[SourcedRequirement] = []
    versions = {each.project: each.version for each in inventory.visible()}
    for unmet in inventory.unmet:
        requirement = Requirement(unmet.requirement)
        if unmet.present is None and requirement.url is None and requirement.specifier:
            bound = Requirement(f"{requirement.name}{requirement.specifier}")
            said = f"{unmet.project} {versions[unmet.project]} of the base {inventory.python}"
            found.append(SourcedRequirement(bound, Origin(said, 0, "")))
    return tuple(found)


def held_in(inventory: Inventory) -> tuple[SourcedRequirement, ...]:
    """The constraints that hold the projects with compiled parts at what is there.

    Metadata does not tell what was compiled against them.
    """
    origin = Origin(f"the base {inventory.python} (it has compiled parts)", 0, "")
    return tuple(
        SourcedRequirement(Requirement(f"{each.project}=={each.version}"), origin)
        for each in inventory.visible()
        if each.is_compiled
    )


def facts_of(each: InstalledDistribution, python: str) -> WheelFacts:
    """A distribution as stacks see the wheels of envc's own layers."""
    folder = site_packages_of(python)
    return WheelFacts(
        filename=each.metadata,
        digest=Digest(""),
        size_bytes=0,
        project=each.project,
        version=each.version,
        dist_info=each.metadata,
        requires=each.requires,
        requires_python=each.requires_python,
        extras=each.extras,
        modules=_opened(each.modules, each.joined),
        console_scripts=each.console_scripts,
        scripts=(),
        start_files=tuple(f"{folder}/{name}" for name in each.start_files),
        data_files=(),
    )


def _opened(tree: ModuleTree, joined: Mapping[str, ModuleTree], above: str = "") -> ModuleTree:
    """What can be imported, with packages that join others as the namespaces that they are.

    So each project of one is replaced apart. Where nobody knows what is in it, it stays whole.
    """
    found: ModuleTree = {}
    for name, content in tree.items():
        inside = (joined.get(above + name) or content) if content == "package" else content
        if isinstance(inside, dict):
            inside = _opened(inside, joined, f"{above}{name}.")
        found[name] = inside
    return found


def contents_of(inventory: Inventory) -> Mapping[NormalizedName, WheelContents]:
    """What is known of the contents of each project whose files are known."""
    return {
        each.project: WheelContents(
            facts=facts_of(each, inventory.core), files={}, joined=each.joined
        )
        for each in inventory.visible()
        if each.files != "unknown"
    }


def _file(inventory: Inventory, each: InstalledDistribution) -> Distribution:
    return Distribution(
        project=each.project,
        version=Version(each.version),
        filename=each.metadata,
        url=_url(inventory, each),
        index="",
        kind="wheel",
    )


def _url(inventory: Inventory, each: InstalledDistribution) -> str:
    return f"file://{quote(inventory.folders[each.folder].path)}/{quote(each.metadata)}"
