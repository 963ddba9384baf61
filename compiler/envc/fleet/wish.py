"""What a roll-out wants nodes to hold: after what is wanted already, signed, and published."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from envc.disk.durable import doing, make_folder
from envc.disk.locks import exclusive
from envc.errors import DamagedError, UntrustedError
from envc.fleet.deployment import Deployment
from envc.fleet.state import StateFolder, said_in
from envc.formats.wanted import groups_to_json, wanted_to_json
from envc.model.names import LOCK_FILE
from envc.model.nodes import Published, Statement, WantedGroups
from envc.model.value import replace
from envc.ports import REPORTER
from envc.rollout.wanted import next_groups, next_wanted
from envc.signing import Signer


class Wish:
    """The wanted state with a roll-out in it.

    In a folder that all nodes see it follows what is wanted there, and is the same where nothing
    changes. Where there is none, the engine carries it to nodes, each of which knows what it held.
    What is signed follows nothing that nobody trusted has signed: who owns the folder may have
    written it.

    Raises:
        UsageError: a key cannot sign, none of them is the site's, or a folder of the wanted state
            leads elsewhere.
        UntrustedError: nobody trusted has signed what is wanted there; keys are not replaced.
        OutsideError: the present one cannot be read, or there is no ssh-keygen here.
        SpecError: what stands there is newer than this envc.
    """

    def __init__(
        self, site: str, deployment: Deployment, nodes: Sequence[str], signer: Signer | None
    ) -> None:
        options, kit = deployment.options, deployment.kit.digest
        self._folder = StateFolder(options.state) if options.state is not None else None
        self._rolled = next_wanted(None, site, deployment.wanted, kit=kit, keep=1)
        self._nodes, self._keep, self._signer = nodes, deployment.keep, signer
        self._target, self._replaces_keys = options.target, options.replace_keys
        if self._folder is not None:
            self._folder.refuse_led_away()
        self._before = self._folder.published() if self._folder is not None else None
        self.published = self._after()

    def publish(self) -> None:
        """Write it into the folder, after what another roll-out has published meanwhile.

        Raises:
            OutsideError: the disk refused.
        """
        if self._folder is None:
            return
        with ExitStack() as held:
            with doing("make the folder", self._folder.path):
                make_folder(self._folder.path)
            with suppress(OSError):  # no locks there: then two must not publish at one instant
                held.enter_context(exclusive(f"{self._folder.path}/{LOCK_FILE}"))
            present = self._folder.published()
            if present != self._before:
                self._before = present
                self.published = self._after()
            self._folder.publish(self.published)

    def _after(self) -> Published:
        if self._folder is None:
            wanted = replace(self._rolled, serial=max(self._rolled.serial, self._soonest()))
            return Published(self._signed(wanted_to_json(wanted)))
        present = self._before
        before = self._followed(present.statement) if present is not None else None
        plain = self._followed(present.plain) if present is not None else None
        if before is None and present is not None:
            REPORTER.get().warn(
                f"{present.statement.file}: the wanted state is damaged, of another site, or not "
                "signed by who is trusted now, and is written anew; what other nodes were to hold "
                "is not known any more"
            )
        groups = next_groups(
            before, self._rolled, self._nodes, keep=self._keep, target=self._target
        )
        if groups == before and present is not None and plain is not None:
            again = present.groups and self._signed(present.groups.text)
            return Published(self._signed(present.plain.text), again)
        # Nodes refuse what is older: it grows even where the folder was lost.
        groups = replace(groups, serial=max(groups.serial, self._soonest()))
        last = next_wanted(
            plain.state_of(plain.groups[0]) if plain is not None else None,
            groups.site,
            self._rolled.generations[0],
            kit=groups.kit,
            keep=self._keep,
        )
        last = replace(last, serial=groups.serial - 1)
        signed = self._signed(groups_to_json(groups))
        return Published(self._signed(wanted_to_json(last)), signed)

    def _followed(self, statement: Statement) -> WantedGroups | None:
        """What stands in the folder, if a roll-out is to follow it.

        None: it is damaged, and where this is signed, of another site or, while keys are replaced,
        signed by nobody who is trusted now.
        """
        with suppress(DamagedError):
            wanted = said_in(statement)
            if self._signer is None:
                return wanted
            if wanted.site != self._rolled.site:
                return None
            try:
                self._signer.refuse_others(statement.text, statement.signatures, "envc-wanted")
            except UntrustedError as error:
                if self._replaces_keys:
                    return None
                raise UntrustedError(
                    f"what is wanted of nodes here is not to be signed: {error.faults[0].what}",
                    where=statement.file,
                    mend="find out who wrote it; where keys are replaced, name the old one with "
                    "--sign, too; with --replace-keys what it wants of other nodes is left out",
                ) from error
            return wanted
        return None

    def _soonest(self) -> int:
        return int(time.time()) if self._signer is not None else 0

    def _signed(self, text: bytes) -> Statement:
        return Statement(text, self._signer.sign(text, "envc-wanted") if self._signer else b"")
