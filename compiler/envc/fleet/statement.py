"""The wanted state that a roll-out brings to nodes, signed where the site has a key."""

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace

from envc.disk.clock import utc_text
from envc.errors import UntrustedError, UsageError
from envc.fleet.freight import Freight
from envc.fleet.prune import prune_state
from envc.fleet.trust import read_statement, write_statement
from envc.fleet.wanted import kept_of, next_wanted, read_wanted
from envc.formats.wanted import wanted_to_json
from envc.host.context import Context
from envc.model.digest import Digest
from envc.model.nodes import Statement, WantedGeneration
from envc.model.signature import Purpose
from envc.model.value import value
from envc.signing import refuse_unsigned, sign
from envc.sites.site import Site

_MEND = "name the private key with --sign KEY, or set ENVC_SIGN_KEY"


@value
class Signer:
    """Who signs for a site: the files of private keys, and the public keys that the site names."""

    files: tuple[str, ...]
    keys: tuple[str, ...]

    def sign(self, message: bytes, purpose: Purpose) -> bytes:
        """The signatures of a message, one a file; nodes that know the site's keys will take it.

        Raises:
            UsageError: a key cannot sign, or none of them is the site's.
            OutsideError: there is no ssh-keygen here.
        """
        signatures = b"".join(sign(message, file, purpose) for file in self.files)
        if self.keys:
            try:
                refuse_unsigned(message, signatures, self.keys, purpose=purpose, where="")
            except UntrustedError as error:
                raise UsageError(
                    "none of the signatures is by a key that the site names",
                    where=" and ".join(self.files),
                    mend="sign with a key of [site] keys, or add its .pub there",
                ) from error
        return signatures


def signer_of(site: Site, files: Sequence[str], context: Context) -> Signer:
    """Who signs for the site.

    Raises:
        UsageError: it names keys, and there is no private one to sign with.
    """
    if site.spec.keys and not files:
        raise UsageError(
            "the site has keys, and nothing to sign with was named",
            where=f"{site.spec.file} (site.keys)",
            mend=_MEND,
        )
    if not site.spec.keys:
        context.reporter.warn("the site names no keys: nodes will take what nobody has signed")
    return Signer(tuple(files), site.spec.keys)


def make_statement(
    site: Site,
    freight: Freight,
    closures: Mapping[str, Digest],
    *,
    state: str | None,
    signer: Signer,
) -> Statement:
    """What nodes are to hold after this roll-out.

    In the folder `state` it follows what is wanted there, and is the same where nothing changes;
    None: the engine carries it to nodes, each of which knows what it held before.

    Raises:
        UsageError: a key cannot sign, or none of them is the site's.
        OutsideError: the present one cannot be read, or there is no ssh-keygen here.
        SpecError: what stands there is no wanted state.
    """
    now = time.time()
    newest = WantedGeneration(
        closures=closures,
        parcel=freight.parcel,
        source=freight.wanted_source(),
        since=utc_text(now),
        core=freight.wanted_core(),
    )
    before = read_wanted(state) if state is not None else None
    keep = 1 if state is None else kept_of(site.spec.retain)
    wanted = next_wanted(before, site.spec.name, newest, kit=freight.kit.digest, keep=keep)
    if before is not None and replace(wanted, serial=before.serial) == before:
        wanted = before
    else:
        # Nodes refuse what is older: it grows even where the folder was lost, or there is none.
        wanted = replace(wanted, serial=max(wanted.serial, int(now)))
    text = wanted_to_json(wanted)
    return Statement(text, signer.sign(text, "envc-wanted"))


def publish_statement(state: str, statement: Statement) -> None:
    """Put a statement into the folder that nodes converge to, unless it is there.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        if read_statement(state) == statement:
            return
    except UsageError:
        pass  # there is none yet
    write_statement(state, statement)
    prune_state(state, statement)


def proof_of(statement: Statement, *, replace_keys: bool) -> tuple[str, ...]:
    """What shows nodes who wants it, as options of `envc node`."""
    words = statement_words(statement)
    return (*words, "--replace-keys") if replace_keys else tuple(words)


def statement_words(statement: Statement) -> list[str]:
    """The statement as options of `envc node`."""
    words = ["--wanted", b64encode(statement.text).decode()]
    if statement.signatures:
        words += ["--signed", b64encode(statement.signatures).decode()]
    return words


def statement_of(wanted: str | None, signed: str | None) -> Statement | None:
    """The statement that `statement_words` wrote; None: none was brought.

    Raises:
        UsageError: it was cut off.
    """
    if wanted is None:
        return None
    try:
        return Statement(b64decode(wanted, validate=True), b64decode(signed or "", validate=True))
    except ValueError as error:
        raise UsageError(
            f"the wanted state is not Base64: {error}", mend="run `envc rollout` again"
        ) from error
