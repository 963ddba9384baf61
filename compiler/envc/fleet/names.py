"""What a node is called: by itself, by Slurm, and by roll-outs, which may have another name for it.

TARGET/wanted/node       the name that a roll-out has for the host whose target this is
"""

import os
from contextlib import suppress

from envc.disk.durable import doing, make_folder, write_file
from envc.errors import EnvcError
from envc.formats.record_file import RecordFile
from envc.model.names import OWN_STATE
from envc.model.value import value
from envc.target.directory import Directory, read_bytes


@value(kw_only=True)
class NotedName:
    """What roll-outs call a node, while it calls itself `host`: an image may go to other nodes."""

    node: str
    host: str


_FILE = RecordFile(
    kind=NotedName, name="note of a node's name", number=1, mend="run `envc rollout` again"
)


def names_of_node(directory: Directory) -> tuple[str, ...]:
    """The names that this node goes by, the surest first.

    The one that a roll-out has told it; else that of ENVC_NODE, Slurm's, the host's, the short one.
    """
    host = os.uname().nodename
    noted = _noted(directory, host)
    if noted is not None:
        return (noted,)
    told, slurm = os.environ.get("ENVC_NODE"), os.environ.get("SLURMD_NODENAME")
    return tuple(dict.fromkeys(filter(None, (told, slurm, host, host.partition(".")[0]))))


def note_name(directory: Directory, node: str) -> None:
    """Note what roll-outs call this node, unless that is its first name anyway."""
    if names_of_node(directory)[0] == node:
        return
    path = _path(directory)
    with doing("note the node's name", path):
        make_folder(os.path.dirname(path))
        write_file(path, _FILE.to_json(NotedName(node=node, host=os.uname().nodename)))


def _noted(directory: Directory, host: str) -> str | None:
    with suppress(EnvcError, OSError):
        path = _path(directory)
        noted = _FILE.from_json(read_bytes(path, missing_is_fine=True), path)
        return noted.node if noted.host == host else None
    return None


def _path(directory: Directory) -> str:
    return f"{directory.path}/{OWN_STATE}/node"
