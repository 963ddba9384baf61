"""The wanted state that a roll-out leaves, signed where the site has keys."""

import time

from envc.fleet.deployment import Deployment
from envc.fleet.state import StateFolder
from envc.formats.wanted import wanted_to_json
from envc.model.nodes import Statement
from envc.model.value import replace
from envc.rollout.decide import next_wanted
from envc.signing import Signer


def make_statement(
    site: str, deployment: Deployment, folder: str | None, signer: Signer | None
) -> Statement:
    """What nodes are to hold after a roll-out.

    In a `folder` that all nodes see it follows what is wanted there, and is the same where nothing
    changes; None: the engine carries it to nodes, each of which knows what it held before.

    Raises:
        UsageError: a key cannot sign, or none of them is the site's.
        OutsideError: the present one cannot be read, or there is no ssh-keygen here.
        SpecError: what stands there is no wanted state.
    """
    state = StateFolder(folder) if folder is not None else None
    keep = deployment.keep if state is not None else 1
    newest, kit = deployment.wanted, deployment.kit.digest
    before = None
    present = state.statement() if state is not None else None
    if state is not None and present is not None:
        before = state.wanted(present)
    wanted = next_wanted(before, site, newest, kit=kit, keep=keep)
    if signer is None:
        return present if present and wanted == before else Statement(wanted_to_json(wanted))
    if wanted != before:
        # Nodes refuse what is older: it grows even where the folder was lost, or there is none.
        wanted = replace(wanted, serial=max(wanted.serial, int(time.time())))
    text = wanted_to_json(wanted)
    return Statement(text, signer.sign(text, "envc-wanted"))
