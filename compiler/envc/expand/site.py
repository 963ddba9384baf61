"""An `envc.toml` document to the site's spec."""

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from packaging.utils import NormalizedName

from envc.errors import Fault, SpecError
from envc.expand.project import project_requirements
from envc.formats.document import Document
from envc.formats.envc_toml import CheckTable, LayerTable, SiteDocument
from envc.formats.nearest import use_one_of
from envc.formats.overlay_toml import OverlayCheckTable, RuleTable
from envc.model.digest import digest_from_hex
from envc.model.names import CORE, ENGINES, TAKEN_NAMES
from envc.model.policy import FindingRule, RetainSpec, Treatment
from envc.model.python import python_of
from envc.model.spec import (
    CoreArchive,
    CoreSpec,
    DescribedSpec,
    EngineSpec,
    IndexSpec,
    LayerSpec,
    OnSpec,
    ResolverSpec,
    SiteSpec,
    SourcedRequirement,
)
from envc.model.target import Machine, Target, default_libc

HOST_TARGET = "host"


def expand_site(
    document: Document[SiteDocument], machine_of: Callable[[CoreSpec], Machine]
) -> SiteSpec:
    """The site's spec. `machine_of(core)` tells what this machine is with the site's core.

    Raises:
        SpecError: with every contradiction between the file's tables.
    """
    tables = document.tables
    faults = list(_faults(document))
    if faults:
        raise SpecError.of(faults)
    resolver, retain = tables.resolver, tables.retain
    core, no_build = _core(tables), tables.resolver.no_build
    return SiteSpec(
        name=tables.site.name,
        file=document.file,
        core=core,
        targets=_targets(document, core, machine_of),
        names_targets=bool(tables.target),
        layers=tuple(_layer(document, name) for name in _base_first(tables)),
        indexes=tuple(
            IndexSpec(name=i.name, url=i.url, path=i.path, explicit=i.explicit)
            for i in tables.index
        ),
        sources=tuple((NormalizedName(p), index) for p, index in sorted(tables.sources.items())),
        resolver=ResolverSpec(
            prereleases=resolver.prereleases,
            prerelease_by_project=tuple(
                (NormalizedName(project), policy)
                for project, policy in sorted(resolver.prerelease.items())
            ),
            exclude_newer=resolver.exclude_newer,
            resolution=resolver.resolution,
            no_build=_projects(no_build) if isinstance(no_build, tuple) else no_build,
            no_binary=_projects(resolver.no_binary),
        ),
        overlays=tables.overlays,
        retain=RetainSpec(generations=retain.generations, days=retain.days),
        check=finding_rules(tables.check),
        keys=tables.site.keys,
        engines=tuple(
            (name, EngineSpec(run=engine.run, copy=engine.copy))
            for name, engine in sorted(tables.engine.items())
        ),
    )


def _projects(names: tuple[str, ...]) -> tuple[NormalizedName, ...]:
    return tuple(sorted({NormalizedName(name) for name in names}))


def _core(tables: SiteDocument) -> CoreSpec:
    archive = tables.core.archive
    return CoreSpec(
        python=tables.core.python,
        interpreter=tables.core.interpreter,
        archive=CoreArchive(path=archive.path, digest=digest_from_hex(archive.sha256))
        if archive is not None
        else None,
    )


def _targets(
    document: Document[SiteDocument], core: CoreSpec, machine_of: Callable[[CoreSpec], Machine]
) -> tuple[Target, ...]:
    """The site's targets. This machine is asked only for what the spec does not say."""
    tables = document.tables
    if tables.target and all(target.python_full for target in tables.target):
        python_full = ""
    else:
        machine = machine_of(core)
        python_full = machine.python_full
        if machine.python != tables.core.python:
            raise SpecError(
                f"core.python is {tables.core.python}, but {machine.interpreter} is Python "
                f"{python_full}",
                where=str(document.origin("core", "python")),
                mend=f"set core.interpreter to a Python {tables.core.python}, or run envc with one",
            )
        if not tables.target:
            return (machine.target(HOST_TARGET),)
    return tuple(
        Target(
            name=target.name,
            python_full=target.python_full or python_full,
            platform=target.platform,
            libc=target.libc or default_libc(target.platform),
            cpu=target.cpu,
        )
        for target in tables.target
    )


def _layer(document: Document[SiteDocument], name: str) -> LayerSpec:
    table = document.tables.layer[name]
    here = ("layer", name)
    requires = document.sourced(table.requires, *here, "requires")
    described = _described(document.tables, table)
    modules = (*described.on.modules, *table.modules) if described is not None else table.modules
    return LayerSpec(
        name=name,
        base=table.base,
        requires=(*requires, *_of_project(document, name)),
        constraints=document.sourced(table.constraints, *here, "constraints"),
        overrides=document.sourced(table.overrides, *here, "overrides"),
        mode=table.mode,
        env=tuple(sorted(table.env.items())),
        modules=tuple(dict.fromkeys(modules)),
        described=described,
        replace=_projects(table.replace),
    )


def _described(tables: SiteDocument, layer: LayerTable) -> DescribedSpec | None:
    table = layer.described
    if table is None:
        return None
    python = table.python or tables.core.interpreter or ""
    return DescribedSpec(
        on=OnSpec(python=python, paths=table.paths, modules=table.modules),
        file=table.file,
        stands_for=releases_of(layer.stands_for),
        warns_of_changes=layer.changed_base == "warn",
    )


def releases_of(stands_for: Mapping[str, str]) -> tuple[tuple[NormalizedName, str], ...]:
    """Projects and what their private versions stand for, in order of project."""
    return tuple((NormalizedName(project), stands_for[project]) for project in sorted(stands_for))


def _of_project(document: Document[SiteDocument], layer: str) -> Iterator[SourcedRequirement]:
    """What a layer takes from the project whose pyproject.toml holds the site."""
    for place, source in enumerate(document.tables.layer[layer].requires_from):
        where = document.origin("layer", layer, "requires-from", place)
        yield from project_requirements(document, source, where)


def finding_rules(check: CheckTable | OverlayCheckTable) -> tuple[FindingRule, ...]:
    """How a `[check]` wants findings treated; an overlay's gives reasons."""
    by_treatment: dict[Treatment, tuple[str | RuleTable, ...]] = {
        "error": check.error,
        "warning": check.warning,
        "ignore": check.ignore,
    }
    return tuple(
        FindingRule(rule, treatment)
        if isinstance(rule, str)
        else FindingRule(rule.code, treatment, rule.reason)
        for treatment, rules in by_treatment.items()
        for rule in rules
    )


def _base_first(tables: SiteDocument) -> list[str]:
    """The layers' names, every base before what stands on it, else in order of name."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in sorted(tables.layer):
        base = tables.layer[name].base
        sorter.add(name, *([] if base == CORE else [base]))
    return list(sorter.static_order())


def _faults(document: Document[SiteDocument]) -> Iterator[Fault]:
    tables = document.tables
    if not tables.layer:
        yield Fault("no layer", str(document.origin("layer")), "add a [layer.NAME] table")
    if tables.core.archive is not None and tables.core.interpreter is not None:
        yield Fault(
            "the core is both carried and the nodes' own",
            str(document.origin("core", "archive")),
            "give one of archive and interpreter, and remove the other",
        )
    yield from _base_faults(document, tables.layer)
    names = {index.name for index in tables.index}
    yield from _twice(document, "index", "indexes", [index.name for index in tables.index])
    for number, index in enumerate(tables.index):
        if (index.url is None) == (index.path is None):
            yield Fault(
                f"index {index.name!r} needs exactly one of url and path",
                str(document.origin("index", number)),
                "give the one and remove the other",
            )
    for project, name in tables.sources.items():
        if name not in names:
            yield Fault(
                f"{project} is to come from {name!r}, which is no index of this site",
                str(document.origin("sources", project)),
                f"add an [[index]] named {name!r}, or use one of {', '.join(sorted(names))}"
                if names
                else f"add an [[index]] named {name!r}",
            )
    yield from _described_faults(document)
    yield from _target_faults(document)
    for name in sorted(tables.engine.keys() & set(ENGINES)):
        where = str(document.origin("engine", name))
        yield Fault(f"engine {name!r} is one of envc's own", where, "choose another name")
    for name in tables.layer:
        try:
            list(_of_project(document, name))
        except SpecError as error:
            yield from error.faults


def _base_faults(
    document: Document[SiteDocument], layers: dict[str, LayerTable]
) -> Iterator[Fault]:
    for name, layer in layers.items():
        where = str(document.origin("layer", name, "base"))
        if name in TAKEN_NAMES:
            yield Fault(f"no layer may be called {name!r}", where, "choose another name")
        if layer.base != CORE and layer.base not in layers:
            known = [CORE, *sorted(layers.keys() - {name})]
            mend = use_one_of(layer.base, known)
            yield Fault(f"base {layer.base!r} is no layer of this site", where, mend)
        elif layer.base != CORE and layers[layer.base].mode == "managed":
            yield Fault(
                f"base {layer.base!r} is managed: nothing may stand on it",
                where,
                f'set mode = "open" for {layer.base!r}, or choose another base',
            )
    try:
        bases = {name: [layer.base] for name, layer in layers.items() if name != CORE}
        TopologicalSorter(bases).prepare()
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        where = str(document.origin("layer", error.args[1][0], "base"))
        yield Fault(f"the bases form a circle: {cycle}", where, "let one of them stand on the core")


def _described_faults(document: Document[SiteDocument]) -> Iterator[Fault]:
    tables = document.tables
    layers, named = tables.layer, set[str]()
    for name, layer in layers.items():
        found, where = layer.described, str(document.origin("layer", name, "described"))
        if layer.replace and not _stands_on_described(name, layers):
            yield Fault(
                "`replace` is for `described` layers, and for those on one",
                str(document.origin("layer", name, "replace")),
                "remove it, or choose another base",
            )
        if found is None:
            continue
        if found.python is None and tables.core.interpreter is None:
            what = "the layer names no interpreter, and neither does the core"
            yield Fault(what, where, "add python, or core.interpreter")
        if found.file in named:
            what = f"two layers are described by {found.file!r}"
            yield Fault(what, where, "give each described layer a file of its own")
        named.add(found.file)


def _stands_on_described(name: str, layers: dict[str, LayerTable]) -> bool:
    below: list[str] = []
    while name in layers and name not in below:
        below.append(name)
        name = layers[name].base
    return any(layers[each].described is not None for each in below)


def _target_faults(document: Document[SiteDocument]) -> Iterator[Fault]:
    tables = document.tables
    for number, target in enumerate(tables.target):
        full = target.python_full
        if full is not None and python_of(full) != tables.core.python:
            yield Fault(
                f"python-full {full} is no Python {tables.core.python}",
                str(document.origin("target", number, "python-full")),
                "make it agree with core.python",
            )
    yield from _twice(document, "target", "targets", [target.name for target in tables.target])


def _twice(
    document: Document[SiteDocument], key: str, plural: str, names: list[str]
) -> Iterator[Fault]:
    for number, name in enumerate(names):
        if name in names[:number]:
            where = str(document.origin(key, number, "name"))
            yield Fault(
                f"two {plural} are called {name!r}", where, f"give each {key} a name of its own"
            )
