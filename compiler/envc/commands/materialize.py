"""`envc materialize`: what the locks describe, as a generation of a target directory.

The path that runs on every node, every time, is short: compare bytes and be done. Where something
is to be done, what was planned before for the same specs and locks is carried out again; only a
plan that nobody has made yet brings in parsers, stores and views (`planning`).
"""

import os
from typing import TYPE_CHECKING, NamedTuple

from envc.disk.ownership import refuse_foreign
from envc.errors import UsageError
from envc.host.context import Context
from envc.model.bundle import BundleFile, Sources
from envc.model.generation import Generation
from envc.plan.changes import changes_between
from envc.sites.place import find_site, refuse_missing_source
from envc.target.directory import Directory, Shape
from envc.target.inputs import note_site, present_in, site_inputs

if TYPE_CHECKING:
    from envc.reports.materialize import MaterializeReport
    from envc.target.publish import Published
    from envc.target.trees import LinkMode
    from envc.trust.rules import Noted


class MaterializeOptions(NamedTuple):
    """What to materialize; `layers` empty: all. `source` is a folder of wheels, or a bundle.

    One of the public `keys` must have signed a bundle; none: one of those that the target has
    noted, or that the site names. A target that is not `named` on the line, but in the environment,
    is not given to another site.
    """

    target: str
    layers: tuple[str, ...] = ()
    source: str | None = None
    link_mode: "LinkMode" = "auto"
    keys: tuple[str, ...] = ()
    named: bool = True


class Materialized(NamedTuple):
    """What a target directory runs now, and whether people see something else than before.

    `policy` tells whether the site's policy is another one now; `restored` and `removed` are names.
    `warnings` are what an administrator should know.
    """

    target: str
    generation: Generation
    changed: bool
    switched: bool = False
    policy: bool = False
    restored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def materialize(site: str | None, options: MaterializeOptions, context: Context) -> Materialized:
    """Build the generation that the site's locks describe and switch to it.

    `site` is the folder given; None: that of the bundle where the source is one, else the nearest.

    Raises:
        UsageError: a lock is missing, the folder is somebody else's or no target, or this machine
            is no target of the locks.
        AnswerIsNo: a lock is stale.
        UntrustedError: a wheel differs from its lock or is hostile, or nobody who is trusted has
            signed the bundle; nothing is switched.
        OutsideError: disk or network; nothing is switched.
    """
    directory = Directory(os.path.abspath(options.target), Shape.TARGET)
    wheels, noted = _accepted(site, options, directory)
    spec = _site_of(site, wheels, directory)
    current = directory.sound_current() if not options.layers else directory.current()
    note = site_inputs(spec, directory, current, options.layers)
    if current is not None and not changes_between(note.inputs, present_in(directory, current)):
        if site is None and noted is not None:
            _remember(directory, noted)  # nothing older is accepted from now on
        return Materialized(directory.path, current, changed=False)
    published = _published(spec, directory, current, options, Sources(wheels), context)
    if noted is not None:
        _remember(directory, noted)
    return Materialized(
        directory.path,
        published.generation,
        changed=published.changed,
        switched=published.switched,
        policy=published.policy,
        restored=published.restored,
        removed=published.removed,
        warnings=_warnings(directory, context),
    )


def _remember(directory: Directory, noted: "Noted") -> None:
    from envc.fleet.trust import remember_trust  # few bring bundles

    remember_trust(directory, noted)


def _warnings(directory: Directory, context: Context) -> tuple[str, ...]:
    """What keeps users from having overlays in the site's storage; told, too."""
    from envc.target.settle import read_policy, storage_in

    storage = storage_in(read_policy(directory))
    if storage is None:
        return ()
    from envc.host.storage import trouble_with

    trouble = trouble_with(storage)
    if trouble is None:
        return ()
    said = f"{trouble.what}: {trouble.where}; {trouble.mend}"
    context.reporter.warn(said)
    return (said,)


def _published(
    spec: tuple[str, str],
    directory: Directory,
    current: Generation | None,
    options: MaterializeOptions,
    sources: Sources,
    context: Context,
) -> "Published":
    """The generation that the locks describe, published; and a note of what it was made from."""
    from envc.disk.locks import exclusive, shared
    from envc.store.store import Store
    from envc.target.carried import renew_command
    from envc.target.contents import refuse_other_folder
    from envc.target.holding import said_of_current
    from envc.target.publication import publication_for
    from envc.target.publish import make_directory, publish

    refuse_foreign(directory.path)
    refuse_other_folder(directory)
    if not options.named:
        _refuse_other_site(spec, directory)
    context.reporter.holds(said_of_current(directory))
    make_directory(directory)
    with shared(directory.store_lock):
        publication = publication_for(spec, directory, current, options.layers, sources, context)
        published = publish(
            directory,
            publication,
            Store(directory.store),
            link_mode=options.link_mode,
            reporter=context.reporter,
        )
    with exclusive(directory.lock):
        renew_command(directory, published.generation, context)
    note_site(directory, published.generation, publication, spec, options.layers)
    return published


def _refuse_other_site(spec: tuple[str, str], directory: Directory) -> None:
    """Refuse a target that another site, from another folder, was materialized into."""
    from envc.sites.site import load_site
    from envc.target.opened import read_location

    location = read_location(directory.path)
    if location is None or location.checkout in {None, spec[0]}:
        return
    name = load_site(*spec).spec.name
    if name != location.site:
        raise UsageError(
            f"this target, which ENVC_TARGET names, is of site {location.site}, and the site here "
            f"is {name}",
            where=directory.path,
            mend="name the target with --target; this one, too, if it is to be of this site now",
        )


def _accepted(
    site: str | None, options: MaterializeOptions, directory: Directory
) -> tuple[str | BundleFile | None, "Noted | None"]:
    """Where wheels come from: a bundle is signed, where it has to be; what is to be noted then."""
    if options.source is None or not os.path.isfile(options.source):
        return options.source, None
    from envc.fleet.trust import accepted_bundle, keys_of_spec

    named = keys_of_spec(*find_site(site)) if site is not None else None
    return accepted_bundle(directory, options.source, named=named, given=options.keys)


def _site_of(
    site: str | None, wheels: str | BundleFile | None, directory: Directory
) -> tuple[str, str]:
    """The folder of the spec and the locks, and the spec's name."""
    refuse_missing_source(wheels if isinstance(wheels, str) else None)
    if site is not None or not isinstance(wheels, BundleFile):
        return find_site(site)

    from envc.bundle import SiteBundle
    from envc.fleet.parcel import unpack_parcel
    from envc.target.contents import refuse_other_folder

    refuse_foreign(directory.path)
    refuse_other_folder(directory)
    with SiteBundle(wheels) as bundle:
        parcel = bundle.parcel()
    return unpack_parcel(directory, parcel, wheels.path)


def materialize_report(done: Materialized) -> "MaterializeReport":
    """What was done, as a report; a run that prints none does without."""
    from envc.reports.materialize import LayerReport, MaterializeReport

    return MaterializeReport(
        target=done.target,
        generation=done.generation.generation,
        digest=done.generation.digest,
        changed=done.changed,
        switched=done.switched,
        policy=done.policy,
        restored=done.restored,
        removed=done.removed,
        warnings=done.warnings,
        layers={
            name: LayerReport(
                digest=layer.digest,
                closure=layer.closure,
                distributions=layer.distributions,
                files=layer.files,
                linked=layer.linked,
                copied=layer.copied,
            )
            for name, layer in done.generation.layers.items()
        },
    )
