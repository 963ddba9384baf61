"""Nodes where nobody logs in as root: commands become root's there, by sudo.

What is copied goes to a name of its own below /var/tmp, as who logs in, and from there to its place
as root. sudo asks for nothing: it is permitted on the node, or the node fails with what it said.
"""

import re
import secrets
from collections.abc import Callable

from envc.cluster.bounded import bounded, late_if_told, patient
from envc.formats.node_line import json_in
from envc.model.nodes import Commands, Heard, Limits, NodeAnswer, Places
from envc.model.value import replace
from envc.ports import Engine

SUDO = ("sudo", "-n", "--")
# How sudo speaks, and who does not find it; that it cannot look its own host up is no refusal.
_REFUSED = frozenset({1, 2, 126, 127})
_WORDS = re.compile(r"\bsudo: (?!unable to resolve host)|sudoers|'sudo'|^Sorry, user ")
# Read by who wrote it, written by root: root may not see the home of who logs in.
_PLACE = (
    'cat -- "$1" | sudo -n -- sh -c \'umask 022; cat > "$1"\' sh "$2"; s=$?; rm -f -- "$1"; exit $s'
)


class BecomingRoot:
    """`ports.Engine` over another one, whose nodes let who logs in become root."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name

    def run(self, commands: Commands, limits: Limits, heard: Heard) -> None:
        """As the port has it. It ends itself as root: nobody else can end what root runs."""
        as_root = {node: [*SUDO, *bounded(each, limits)] for node, each in commands.items()}
        self._engine.run(as_root, patient(limits), _hearing(heard))

    def copy(self, path: str, places: Places, limits: Limits, heard: Heard) -> None:
        """As the port has it."""
        drop = f"/var/tmp/.envc-{secrets.token_hex(16)}"  # noqa: S108 - nobody else guesses it
        dropped: list[str] = []

        def written(answer: NodeAnswer) -> None:
            if (answer.outcome, answer.status) == ("ended", 0):
                dropped.append(answer.node)
            else:
                heard(answer)

        # One path for all goes down sbcast's tree, once.
        is_one = self.name == "slurm" and len(set(places.values())) == 1
        drops = {node: drop if is_one else f"{drop}.{node}" for node in places}
        self._engine.copy(path, drops, limits, written)
        commands = {node: ["sh", "-c", _PLACE, "sh", drops[node], places[node]] for node in dropped}
        if commands:
            self._engine.run(commands, limits, _hearing(heard))


def _hearing(heard: Heard) -> Callable[[NodeAnswer], None]:
    return lambda answer: heard(_understood(answer))


def _understood(answer: NodeAnswer) -> NodeAnswer:
    """An answer in which sudo, not the command, says no, or that it took too long."""
    answer = late_if_told(answer)
    told = next(filter(_WORDS.search, answer.trouble.splitlines()), None)
    if answer.outcome != "ended" or answer.status not in _REFUSED or told is None:
        return answer
    if json_in(answer.output) is not None:
        return answer  # envc ran
    return replace(answer, outcome="not root", status=None, trouble=told)
