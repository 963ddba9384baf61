"""A flat stack as one ordinary environment: no layers, no hook, no links to anything of envc's.

It is what `python -m venv` and an installer would make, with bytecode. The wheels go through a
private store beside it, which is removed: so each file has that one name.
"""

import os
import shutil
import tempfile

from packaging.utils import NormalizedName

from envc.commands.export import Exported
from envc.disk.durable import disk_error, sync_directory, sync_file_system
from envc.errors import UsageError
from envc.host.context import Context
from envc.host.machine import target_for
from envc.lock import select_wheels
from envc.model.core import CORE_FOLDER, core_interpreter
from envc.model.digest import Digest, digest_of
from envc.model.stack import Stack
from envc.model.value import replace, value
from envc.model.wheel import WheelFacts
from envc.plan.tree import StoredTree, plan_tree
from envc.sites.site import Site, machine_of_site
from envc.store import store_id
from envc.supply.indexes import indexes_of
from envc.target.directory import Directory, Shape
from envc.target.stock import Chosen, Stock, records_of, stack_layer
from envc.target.trees import build_trees
from envc.view.tree import plain_view


@value
class BuiltFlat:
    """The environment that was made."""

    path: str
    projects: int
    files: int


def build_flat(
    site: Site, exported: Exported, path: str, context: Context, lender: Directory | None = None
) -> BuiltFlat:
    """Make the environment in a new folder; it is complete when it has that name.

    What the store of a `lender` has is copied from there.

    Raises:
        UsageError: something stands there already, or this machine is none of the targets.
        UntrustedError: a wheel is not what the lock says.
        OutsideError: a wheel cannot be had, or the disk refused; nothing stands there then.
    """
    final = os.path.abspath(path)
    if os.path.lexists(final):
        raise UsageError(
            "something stands there already", where=final, mend="name a folder that is not there"
        )
    machine = machine_of_site(site)
    chosen = select_wheels(exported.lock, target_for(exported.lock, machine))
    python = site.spec.core.python
    try:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        scratch = tempfile.mkdtemp(
            prefix=f".{os.path.basename(final)}-", dir=os.path.dirname(final)
        )
    except OSError as error:
        raise disk_error(error, "make the environment", final) from error
    try:
        directory = Directory(scratch, Shape.OVERLAY)
        indexes = indexes_of(site)
        stock = Stock(directory, python, machine.interpreter, None, indexes, context, lender)
        archive = site.spec.core.archive
        core = archive.digest if archive is not None else None
        files = _build(stock, exported.title, chosen, final, core)
    except OSError as error:
        raise disk_error(error, "make the environment", final) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return BuiltFlat(path=final, projects=len(chosen), files=files)


def _build(stock: Stock, title: str, chosen: Chosen, final: str, core: Digest | None) -> int:
    """Build the environment, with a `core` that the site carries in it; the number of its files."""
    stock.fill(wheel for _, wheel in chosen)
    ids = [store_id(wheel.digest, stock.python) for _, wheel in chosen]
    facts = stock.facts(chosen)
    trees = [
        StoredTree(name, f"{wheel.project} {wheel.version}", stock.store.manifest(name))
        for name, wheel in zip(ids, facts, strict=True)
    ]
    folders = {pin.project: pin.directory for pin, _ in chosen if pin.directory is not None}
    stack = _stack(stock, title, facts, folders)
    if core is not None:
        home = core_interpreter(f"{final}/{CORE_FOLDER}", core, stock.python)
        stack = replace(stack, interpreter=home)
    plan, _ = plan_tree(title, trees, plain_view(stack))
    tree = f"{stock.directory.path}/tree"
    (built,) = build_trees(
        [(plan, tree)], tree_of=stock.store.tree, copy=False, reporter=stock.context.reporter
    )
    if core is not None:
        _bring_core(stock.interpreter, f"{tree}/{CORE_FOLDER}", core)
    sync_file_system(stock.directory.path)
    os.rename(tree, final)
    sync_directory(os.path.dirname(final))
    return sum(built)


def _bring_core(interpreter: str, folder: str, core: Digest) -> None:
    """Copy the carried core that an interpreter is in: where it is now, it may be removed."""
    from envc.core.folder import core_root  # few sites carry one
    from envc.core.travel import core_stream, receive_core

    present = os.path.dirname(core_root(interpreter))
    receive_core(folder, core, core_stream(present, core).chunks, where=present)


def _stack(
    stock: Stock,
    title: str,
    facts: tuple[WheelFacts, ...],
    folders: dict[NormalizedName, str],
) -> Stack:
    nothing = digest_of(b"")
    top = stack_layer(stock.directory, title, closure=nothing, wheels=facts, python=stock.python)
    stack = Stack(
        python=stock.python,
        interpreter=stock.interpreter,
        layers=(top,),
        editable=tuple(folders.items()),
    )
    return replace(stack, records=records_of(stock.store, stack))
