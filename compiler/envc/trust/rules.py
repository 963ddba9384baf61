"""The rules, in the order in which a target asks them."""

from collections.abc import Callable

from envc.errors import UntrustedError
from envc.formats.parcel import parcel_from_json, spec_in
from envc.formats.wanted import wanted_from_json
from envc.model.digest import Digest
from envc.model.nodes import Statement, WantedGeneration, WantedState
from envc.model.value import value
from envc.trust.signatures import refuse_unsigned

Keys = tuple[str, ...]

# Where errors say that a statement comes from which is part of a command.
WANTED_OPTION = "--wanted"
_SIGN_AGAIN = "run `envc rollout --sign KEY` again"


@value
class Noted:
    """What a target has noted: whose word it takes, and the newest signed state it has accepted.

    No keys: it takes anybody's word.
    """

    keys: Keys = ()
    serial: int = 0

    def after(self, named: Keys, serial: int | None) -> "Noted":
        """What it notes when it has accepted what a site that has `named` these keys wants.

        None: it was a bundle, or a state that may never be converged to; the serial stays.
        """
        if serial is None:
            return Noted(named, self.serial)
        return Noted(named, serial if named else 0)


def believed_state(
    statement: Statement, keys: Keys, *, newest_serial: int, where: str
) -> WantedState:
    """The wanted state that a statement is; where there are `keys`, one of them has signed it.

    Raises:
        UntrustedError: none of them has, it was altered, or it is older than one that was accepted.
        SpecError: it is no wanted state.
    """
    if keys:
        text, signatures = statement.text, statement.signatures
        refuse_unsigned(text, signatures, keys, purpose="envc-wanted", where=where)
    wanted = wanted_from_json(statement.text, where)
    if keys and wanted.serial < newest_serial:
        raise UntrustedError(
            f"this wanted state is older (serial {wanted.serial}) than one that this node has "
            f"accepted (serial {newest_serial})",
            where=where,
            mend=f"{_SIGN_AGAIN}; find out who put the old one back",
        )
    return wanted


def ordered_state(
    statement: Statement | None,
    noted: Noted,
    asked: WantedGeneration,
    named: Callable[[], Keys],
) -> WantedState | None:
    """The signed wanted state that is behind what a roll-out asks for; None: nobody has to sign.

    Those noted have to, else (at first use) those that the site itself has `named`. Closures and
    age of the generation that is `asked` for do not matter.

    Raises:
        UntrustedError, SpecError: as for `believed_state`.
        UntrustedError: its newest generation has another parcel, source or core.
    """
    keys = noted.keys or named()
    if not keys:
        return None
    brought = statement or Statement(b"")
    wanted = believed_state(brought, keys, newest_serial=noted.serial, where=WANTED_OPTION)
    newest = wanted.generations[0]
    if (newest.parcel, newest.source, newest.core) != (asked.parcel, asked.source, asked.core):
        raise UntrustedError(
            "the wanted state that was signed names another parcel or source than was asked for",
            where=WANTED_OPTION,
            mend=_SIGN_AGAIN,
        )
    return wanted


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
