"""The rules, in the order in which a target asks them."""

from collections.abc import Callable, Sequence

from envc.errors import UntrustedError
from envc.formats.parcel import parcel_from_json, spec_in
from envc.formats.wanted import WANTED_OPTION, wanted_from_json
from envc.model.digest import Digest
from envc.model.nodes import (
    Statement,
    WantedGeneration,
    WantedGroups,
    WantedState,
)
from envc.model.signature import PublicKey, Purpose, Signature
from envc.model.value import replace, value

Keys = tuple[str, ...]

_SIGN_AGAIN = "run `envc rollout --sign KEY` again"


@value
class Noted:
    """What a target has noted: whose word it takes, and the newest signed state it has accepted.

    No keys: it takes anybody's word. Else it takes that of its own `site` alone. `is_named`: what
    it has accepted names its target. `bundle` is when the newest bundle was made that it has
    accepted and that tells, in nanoseconds since 1970.
    """

    keys: Keys = ()
    serial: int = 0
    site: str = ""
    is_named: bool = False
    bundle: int = 0

    def after(
        self, named: Keys, serial: int | None, *, is_named: bool = False, bundle: int = 0
    ) -> "Noted":
        """What it notes when it has accepted what a site that has `named` these keys wants.

        None: it was a bundle, or a state that may never be converged to; the serial stays.
        """
        kept = self.serial if serial is None else serial if named else 0
        is_named = bool(named) and (self.is_named or is_named)
        made = max(self.bundle, bundle) if named else 0
        return replace(self, keys=named, serial=kept, is_named=is_named, bundle=made)


def believed_state(statement: Statement, keys: Keys, noted: Noted, where: str) -> WantedGroups:
    """The wanted state that a statement is; where there are `keys`, one of them has signed it.

    Raises:
        UntrustedError: none of them has, it was altered, it is older than one that was accepted, or
            of another site than the target whose keys are noted.
        SpecError: it is no wanted state.
    """
    if keys:
        text, signatures = statement.text, statement.signatures
        refuse_unsigned(text, signatures, keys, purpose="envc-wanted", where=where)
    wanted = wanted_from_json(statement.text, where)
    if keys:
        refuse_other_site(wanted.site, noted, what="wanted state", where=where)
    if keys and wanted.serial < noted.serial:
        raise UntrustedError(
            f"this wanted state is older (serial {wanted.serial}) than one that this node has "
            f"accepted (serial {noted.serial})",
            where=where,
            mend=f"{_SIGN_AGAIN}; find out who put the old one back",
        )
    return wanted


def refuse_other_site(site: str, noted: Noted, *, what: str, where: str) -> None:
    """Refuse what is of another site than a target that has noted keys.

    Raises:
        UntrustedError: it is.
    """
    if noted.keys and noted.site and site != noted.site:
        raise UntrustedError(
            f"this {what} is of site {site}, and this target is of site {noted.site}",
            where=where,
            mend=f"find out who put it there; to give the target to {site}, run `envc materialize` "
            "from that site's folder as the target's owner (or, where the site was renamed, "
            "`envc rollout --replace-keys`)",
        )


def refuse_older_bundle(made: int, noted: Noted, where: str) -> None:
    """Refuse a bundle older than what a target that has noted keys has accepted.

    One that does not tell when it was `made` (0) is refused by who has accepted one that does.

    Raises:
        UntrustedError: it is.
    """
    is_older = made < noted.bundle or (made > 0 and made // 10**9 < noted.serial)
    if noted.keys and is_older:
        raise UntrustedError(
            "this bundle is older than what this target has accepted",
            where=where,
            mend="make it again (`envc bundle --sign KEY`); to go back on purpose, run "
            "`envc rollback`, or name the site's folder with --site",
        )


def refuse_other_target(named: Sequence[str], here: str, noted: Noted, where: str) -> None:
    """Refuse a wanted state of another target than the one `here`, where keys are noted.

    `named` are the paths that the state can mean, none: it does not tell, as release 0.1 did not;
    then it is refused by who has accepted one that does. Paths have no links in them.

    Raises:
        UntrustedError: it is.
    """
    if not noted.keys or here in named:
        return
    if named:
        raise UntrustedError(
            f"this wanted state is for the target {' or '.join(named)}, and this is {here}",
            where=where,
            mend=f"find out who put it there; {_SIGN_AGAIN}, with this --target",
        )
    if noted.is_named:
        raise UntrustedError(
            "this wanted state does not tell which target it is for, and what this node has "
            "accepted does",
            where=where,
            mend=f"{_SIGN_AGAIN}, with envc 0.2 or newer; find out who put this one there",
        )


def ordered_state(
    statement: Statement | None,
    noted: Noted,
    asked: WantedGeneration,
    named: Callable[[], Keys],
    names: Sequence[str] = (),
) -> WantedState | None:
    """The signed wanted state that is behind what a roll-out asks for; None: nobody has to sign.

    Those noted have to, else (at first use) those that the site itself has `named`. It is that of
    a group whose newest generation is the one `asked` for, whose closures and age do not matter: of
    the one in which a node of these `names` is, else (its names may be others) of any.

    Raises:
        UntrustedError, SpecError: as for `believed_state`.
        UntrustedError: no group's newest generation has this parcel, source and core.
    """
    keys = noted.keys or named()
    if not keys:
        return None
    brought = statement or Statement(b"")
    wanted = believed_state(brought, keys, noted, WANTED_OPTION)
    made_from = (asked.parcel, asked.source, asked.core)
    for group in filter(None, (wanted.group_of(names), *wanted.groups)):
        newest = group.generations[0]
        if (newest.parcel, newest.source, newest.core) == made_from:
            return wanted.state_of(group)
    raise UntrustedError(
        "the wanted state that was signed names another parcel or source than was asked for",
        where=WANTED_OPTION,
        mend=_SIGN_AGAIN,
    )


def refuse_other_generation(signed: Digest | None, asked: Digest) -> None:
    """Refuse to switch to another generation than the one with the closures that were signed for.

    Raises:
        UntrustedError: it is another, or (None) that one is not here.
    """
    if signed != asked:
        raise UntrustedError(
            "the wanted state that was signed names another generation than is to be switched to",
            where=WANTED_OPTION,
            mend=_SIGN_AGAIN,
        )


def keys_named_in(parcel: bytes, where: str) -> Keys:
    """The keys that the spec in a parcel names.

    Raises:
        SpecError: it is no parcel, or its spec has faults.
    """
    found = parcel_from_json(parcel, where)
    spec = found.files.get(found.spec_name, "")
    if "keys" not in spec and "\\" not in spec:  # not even as an escape
        return ()
    return tuple(spec_in(parcel, where).tables.site.keys)


def refuse_unsigned(
    message: bytes, signatures: bytes, keys: Sequence[str], *, purpose: Purpose, where: str
) -> None:
    """Refuse a message that none of the trusted `keys` has signed for this purpose.

    `keys` are lines as a `.pub` file has them. Signatures by other keys do no harm: while a key is
    being replaced, a message is signed with the old and the new one.

    Raises:
        UntrustedError: not signed, by none of these keys, or altered since.
    """
    from envc.formats.openssh import public_key_from_text, signatures_from_text  # few sign

    trusted = {key.content: key for key in map(public_key_from_text, keys)}
    names = " or ".join(map(str, trusted.values()))
    mend = f"have it signed (--sign) with {names}"
    try:
        found = signatures_from_text(signatures)
    except ValueError as error:
        raise UntrustedError(f"its signature is damaged: {error}", where=where, mend=mend) from None
    claimed = [each for each in found if each.key.content in trusted]
    if any(_is_of(each, message) for each in claimed if each.purpose == purpose):
        return
    if claimed:
        what = f"this is not what was signed with {trusted[claimed[0].key.content]}"
        again = "fetch it again, or have it signed again; find out who altered it"
        raise UntrustedError(what, where=where, mend=again)
    if found:
        others = " and ".join(str(each.key) for each in found)
        raise UntrustedError(
            f"it is signed with {others}, which is not trusted here", where=where, mend=mend
        )
    raise UntrustedError("it is not signed", where=where, mend=mend)


def _is_of(signature: Signature, message: bytes) -> bool:
    """Whether the key that a signature names has signed this message."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature as Claim
    from securesystemslib.signer import SSlibKey

    from envc.formats.openssh import signed_bytes

    key: PublicKey = signature.key
    verifier = SSlibKey(key.fingerprint, "ed25519", "ed25519", {"public": key.content.hex()})
    claim = Claim(key.fingerprint, signature.content.hex())
    try:
        verifier.verify_signature(claim, signed_bytes(signature, message))
    except UnverifiedSignatureError:
        return False
    return True
