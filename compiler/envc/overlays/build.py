"""An overlay from its spec to its tree: locked, weighed, fetched, planned, published."""

import os

from packaging.utils import NormalizedName

from envc.disk.durable import disk_error, write_file
from envc.disk.locks import shared
from envc.disk.ownership import refuse_exposed, refuse_foreign
from envc.formats.location import Location, location_to_text
from envc.host.context import Context
from envc.host.fitting import target_for
from envc.host.machine import machine_of
from envc.host.space import need_of, refuse_what_cannot_fit
from envc.lock import on_overlay, select_wheels, with_absolute_paths
from envc.locking.lock import lock_overlay, write_lock
from envc.locking.report import LockOptions
from envc.locking.task import Outcome
from envc.model.generation import Generation
from envc.model.lock import Lock
from envc.model.names import lock_file_name
from envc.model.publication import Publication
from envc.model.spec import OverlaySpec
from envc.model.stack import Stack
from envc.model.target import Machine
from envc.model.target import Target as NodeTarget
from envc.model.value import value
from envc.model.wheel import WheelFacts
from envc.overlays.pack import PACKED
from envc.reports.change import LayerChange
from envc.reports.overlay import OverlayReport
from envc.sites.place import read_spec
from envc.sites.site import overlay_from
from envc.supply.indexes import indexes_of, open_supply
from envc.supply.wheelhouse import carry
from envc.target.base_state import base_changes, base_states
from envc.target.below import Below, below
from envc.target.directory import Directory, Shape
from envc.target.opened import OVERLAY_SPEC, Target, read_location
from envc.target.planned import save_plan
from envc.target.publish import make_directory, publish
from envc.target.stock import Chosen, Stock, stack_layer, stacked


def build(
    folder: str,
    target: Target,
    text: bytes,
    options: LockOptions,
    context: Context,
    *,
    spec: OverlaySpec | None = None,
) -> OverlayReport:
    """The overlay in `folder` as the spec `text` says, on what the target has now.

    `spec` is what the text says, where its lines stand in another file: a script's. Spec and lock
    are written when only the disk can still fail.

    Raises:
        UsageError: the folder is somebody else's, or others could write there.
        UnsatisfiableError: there is no solution.
        OutsideError: an index or the disk failed, or it does not fit; all is as it was.
        UntrustedError: a wheel is not what the lock says.
    """
    directory = Directory(folder, Shape.OVERLAY)
    refuse_foreign(directory.path)
    refuse_exposed(directory.path)
    spec = spec or overlay_from(text, f"{folder}/{OVERLAY_SPEC}")
    under = below(target, spec)
    before = directory.current()
    with open_supply(target.site, context) as supply:
        outcome = lock_overlay(target.site, spec, under.base, options, supply)
    machine = machine_of(target.current.interpreter)
    making = _Making(
        directory=directory,
        target=target,
        spec=spec,
        text=text,
        under=under,
        outcome=outcome,
        machine=machine,
        node=target_for(outcome.file.lock, machine),
    )
    generation, changed = making.published(context)
    if changed:
        _warn_of_packed(folder, context)
    return making.report(before, generation, changed=changed)


def _warn_of_packed(folder: str, context: Context) -> None:
    if os.path.exists(f"{folder}/{PACKED}"):
        context.reporter.warn(
            f"{folder}/{PACKED} is of another generation now; pack it again with "
            f"`envc overlay pack --dir {folder}`"
        )


@value(kw_only=True)
class _Making:
    """What an overlay is made from: its spec and its lock, on what stands below it here.

    `node` is the target of the lock that this machine is.
    """

    directory: Directory
    target: Target
    spec: OverlaySpec
    text: bytes
    under: Below
    outcome: Outcome
    machine: Machine
    node: NodeTarget

    @property
    def lock(self) -> Lock:
        """The overlay's lock."""
        return self.outcome.file.lock

    def published(self, context: Context) -> tuple[Generation, bool]:
        """The generation that is current now, and whether it is another than before."""
        folder = self.directory.path
        chosen = select_wheels(with_absolute_paths(self.lock, folder), self.node)
        make_directory(self.directory)
        carry(self.outcome.carried)
        with shared(self.directory.store_lock):
            stock = Stock(
                directory=self.directory,
                python=self.target.current.python,
                interpreter=self.machine.interpreter,
                wheelhouse=None,
                indexes=indexes_of(self.target.site),
                context=context,
            )
            stock.fill(
                (wheel for _, wheel in chosen),
                weigh=lambda paths: refuse_what_cannot_fit(
                    need_of(paths), folder, context.reporter
                ),
            )
            publication = self._publication(stock, chosen)
            self._write_inputs()
            save_plan(self.directory, publication.digest(), publication)
            published = publish(
                self.directory,
                publication,
                stock.store,
                link_mode="auto",
                reporter=context.reporter,
            )
        return published.generation, published.changed

    def _publication(self, stock: Stock, chosen: Chosen) -> Publication:
        stack = self._stack(stock.facts(chosen))
        current, file = self.target.current, self.outcome.file
        return Publication(
            site=current.site,
            python=current.python,
            interpreter=current.interpreter,
            layers=(stock.plan(stack, chosen, lock=file.digest),),
            specs=((OVERLAY_SPEC, self.text), (lock_file_name(stack.top.name), file.text)),
        )

    def _stack(self, wheels: tuple[WheelFacts, ...]) -> Stack:
        target, site, file = self.target, self.target.site.spec, self.outcome.file
        closure = on_overlay(
            site, self.spec, base=self.under.base, lock=file.lock, lock_digest=file.digest
        ).named()
        python = target.current.python
        top = stack_layer(
            self.directory, self.spec.name, closure=closure, wheels=wheels, python=python
        )
        layers = self.under.layers
        common = next(layer for layer in layers if layer.location == target.directory.path)
        return Stack(
            python=python,
            interpreter=target.current.interpreter,
            layers=stacked(top, file.lock.hides, layers),
            env=site.environment(common.name),
            modules=site.modules(common.name),
            editable=self._editable(),
        )

    def _editable(self) -> tuple[tuple[NormalizedName, str], ...]:
        """The editable projects, each with its folder."""
        pins = self.lock.pins
        return tuple((pin.project, pin.directory) for pin in pins if pin.directory is not None)

    def _write_inputs(self) -> None:
        """Bring spec, lock and location on disk to what the tree is about to be made from."""
        folder = self.directory.path
        location = Location(site=self.target.current.site, target=self.target.directory.path)
        try:
            if read_location(folder) != location:
                write_file(f"{folder}/location.toml", location_to_text(location))
            spec_path = f"{folder}/{OVERLAY_SPEC}"
            if not os.path.exists(spec_path) or read_spec(spec_path) != self.text:
                write_file(spec_path, self.text)
        except OSError as error:
            raise disk_error(error, "write the overlay's spec", folder) from error
        if self.outcome.changed:
            write_lock(self.outcome.file)

    def report(
        self, before: Generation | None, generation: Generation, *, changed: bool
    ) -> OverlayReport:
        """The overlay as it is now; `before` is the generation that was current until then."""
        name, lock, base = self.spec.name, self.lock, self.under.base
        replaced = {*lock.shadows, *lock.lifts, *lock.hides}
        visible = [pin for pin in base.visible_pins((self.node,)) if pin.project not in replaced]
        return OverlayReport(
            name=name,
            folder=self.directory.path,
            target=self.target.directory.path,
            base=self.spec.base,
            base_closure=base.named(),
            generation=generation.generation,
            digest=generation.digest,
            changed=changed,
            inherits=len(visible),
            adds=lock.adds(),
            shadows=lock.shadows,
            lifts=lock.lifts,
            hides=lock.hides,
            editable={str(project): folder for project, folder in self._editable()},
            base_changes=_base_changes(self.directory, name, before, generation),
            files=generation.layers[name].files,
        )


def _base_changes(
    directory: Directory, layer: str, before: Generation | None, after: Generation
) -> LayerChange | None:
    if before is None or layer not in before.layers:
        return None
    earlier, now = (
        base_states(directory.tree(each.generation, layer), each.python) for each in (before, after)
    )
    return base_changes(earlier, now)
