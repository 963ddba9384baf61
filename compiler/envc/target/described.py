"""A described environment as the layers of a stack: each folder of its path is one."""

from envc.lock import Base
from envc.lock.described import facts_of
from envc.model.digest import Digest
from envc.model.inventory import Inventory, Unowned
from envc.model.names import DESCRIBED
from envc.model.stack import Described, StackLayer


def folders_below(base: Base, *, warns: bool) -> tuple[StackLayer, ...]:
    """The folders of the environment at the bottom of a base, top first; none of the core.

    With `warns`, processes start on it when it has changed, too.
    """
    found = base.inventory
    if found is None:
        return ()
    return tuple(_layer(found, number, warns=warns) for number in range(len(found.folders)))


def _layer(inventory: Inventory, number: int, *, warns: bool) -> StackLayer:
    folder = inventory.folders[number]
    own = [each for each in inventory.distributions if each.folder == number]
    nobodys = next((each for each in inventory.unowned if each.folder == number), None)
    rest = nobodys or Unowned(folder=number, modules={})
    places = [(str(each.project), place) for each in own for place in each.places]
    return StackLayer(
        name=DESCRIBED,
        closure=Digest(""),
        location=folder.path,
        subdirectory="",
        wheels=tuple(facts_of(each, inventory.core) for each in own),
        described=Described(
            mtime_seconds=folder.mtime_seconds,
            names=folder.names,
            warns=warns,
            modules=rest.modules,
            start_files=rest.start_files,
            places=(*places, *(("", place) for place in rest.places)),
        ),
    )
