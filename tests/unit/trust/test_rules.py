"""Whose word a target takes. An attack is a few lines: bytes in, the refusal out."""

import re
import shutil
from pathlib import Path

import pytest

from envc.errors import UntrustedError
from envc.formats.parcel import parcel_to_json
from envc.formats.wanted import wanted_to_json
from envc.model.digest import Digest
from envc.model.nodes import Parcel, Statement, WantedGeneration, WantedState
from envc.signing import sign
from envc.trust.rules import (
    Keys,
    Noted,
    believed_state,
    keys_named_in,
    ordered_state,
    refuse_older_bundle,
    refuse_other_generation,
    refuse_other_target,
)
from support.keys import make_key

ONE, TWO = (Digest("sha256:" + digit * 64) for digit in "12")


def generation(parcel: Digest = ONE, source: str | None = None) -> WantedGeneration:
    return WantedGeneration(
        closures={"user": ONE}, parcel=parcel, source=source, since="2026-11-22T20:00:00Z"
    )


def state(serial: int = 5, *generations: WantedGeneration) -> WantedState:
    return WantedState(
        site="canopy", serial=serial, kit=ONE, generations=generations or (generation(),)
    )


class Signers:
    """The keys `ada` and `bob`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("ada", "bob"):
            make_key(folder / name)

    def key(self, name: str) -> str:
        return (self._folder / f"{name}.pub").read_text().strip()

    def statement(self, wanted: WantedState, *names: str) -> Statement:
        text = wanted_to_json(wanted)
        return Statement(text, b"".join(self.signature(text, name) for name in names))

    def signature(self, text: bytes, name: str) -> bytes:
        return sign(text, str(self._folder / name), "envc-wanted")


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen cannot be found: run `make tools`")
    return Signers(tmp_path_factory.mktemp("keys"))


def refused(statement: Statement, keys: Keys, newest_serial: int = 0, site: str = "") -> str:
    with pytest.raises(UntrustedError) as told:
        believed_state(statement, keys, Noted(keys, newest_serial, site), "w")
    return told.value.faults[0].what


def test_what_a_trusted_key_has_signed_is_believed(signers: Signers) -> None:
    keys = (signers.key("bob"), signers.key("ada"))
    signed = signers.statement(state(), "ada")
    for statement, trusted, newest in ((signed, keys, 5), (Statement(signed.text), (), 9)):
        wanted = believed_state(statement, trusted, Noted(trusted, newest, "canopy"), "w")
        assert wanted.state_of(wanted.groups[0]) == state()


def test_a_state_that_nobody_has_signed(signers: Signers) -> None:
    assert refused(signers.statement(state()), (signers.key("ada"),)) == "it is not signed"


def test_a_state_that_a_stranger_has_signed(signers: Signers) -> None:
    told = refused(signers.statement(state(), "bob"), (signers.key("ada"),))
    assert re.fullmatch(r"it is signed with SHA256:\S+, which is not trusted here", told)


def test_a_state_that_was_altered(signers: Signers) -> None:
    signed = signers.statement(state(), "ada")
    altered = Statement(signed.text.replace(b"canopy", b"canapy"), signed.signatures)
    assert refused(altered, (signers.key("ada"),)).startswith("this is not what was signed with ")


def test_the_signature_of_another_state(signers: Signers) -> None:
    mixed = Statement(wanted_to_json(state(6)), signers.statement(state(5), "ada").signatures)
    assert refused(mixed, (signers.key("ada"),)).startswith("this is not what was signed with ")


def test_an_old_state_that_is_put_back(signers: Signers) -> None:
    told = refused(signers.statement(state(5), "ada"), (signers.key("ada"),), newest_serial=6)
    assert told == (
        "this wanted state is older (serial 5) than one that this node has accepted (serial 6)"
    )


def test_the_state_of_another_site_is_not_for_a_target_that_has_noted_keys(
    signers: Signers,
) -> None:
    signed, keys = signers.statement(state(), "ada"), (signers.key("ada"),)
    told = "this wanted state is of site canopy, and this target is of site prod"
    assert refused(signed, keys, site="prod") == told
    with pytest.raises(UntrustedError, match=told):
        ordered(signed, Noted(keys, 0, "prod"), generation(), keys)
    assert ordered(signed, Noted((), 0, "prod"), generation(), keys) == state()


@pytest.mark.parametrize(
    ("named", "noted", "refusal"),
    [
        (["/t"], Noted(("ada",), is_named=True), None),
        (["/o"], Noted(("ada",)), "this wanted state is for the target /o, and this is /t"),
        ([], Noted(("ada",), is_named=True), "this wanted state does not tell which target it is "),
        ([], Noted(("ada",)), None),  # release 0.1 wrote it, and no other was here
        (["/o"], Noted(), None),  # anybody's word is taken
    ],
)
def test_the_state_of_another_target(named: list[str], noted: Noted, refusal: str | None) -> None:
    if refusal is None:
        refuse_other_target(named, "/t", noted, "w")
        return
    with pytest.raises(UntrustedError) as told:
        refuse_other_target(named, "/t", noted, "w")
    assert told.value.faults[0].what.startswith(refusal)


SECOND = 10**9


@pytest.mark.parametrize(
    ("made", "noted", "refused"),
    [
        (5 * SECOND, Noted(("ada",), bundle=5 * SECOND), False),
        (5 * SECOND, Noted(("ada",), bundle=5 * SECOND + 1), True),
        (5 * SECOND, Noted(("ada",), serial=5), False),
        (5 * SECOND, Noted(("ada",), serial=6), True),
        (0, Noted(("ada",), serial=6), False),  # an envc made it that did not tell
        (0, Noted(("ada",), bundle=1), True),
        (0, Noted((), serial=6, bundle=1), False),
    ],
)
def test_a_bundle_older_than_what_was_accepted(made: int, noted: Noted, *, refused: bool) -> None:
    if not refused:
        refuse_older_bundle(made, noted, "b")
        return
    with pytest.raises(UntrustedError, match="this bundle is older than what this target has acc"):
        refuse_older_bundle(made, noted, "b")


def test_the_newest_bundle_is_remembered() -> None:
    noted = Noted(("ada",)).after(("ada",), None, bundle=7)
    assert noted.after(("ada",), 3, bundle=5).bundle == 7
    assert noted.after((), 3).bundle == 0


def ordered(
    statement: Statement | None,
    noted: Noted,
    asked: WantedGeneration,
    named: Keys = (),
) -> WantedState | None:
    return ordered_state(statement, noted, asked, lambda: named)


def test_where_nobody_has_keys_nobody_has_to_sign() -> None:
    assert ordered(None, Noted(), generation()) is None


def test_at_first_use_the_keys_of_the_site_itself_decide(signers: Signers) -> None:
    named = (signers.key("ada"),)
    signed = signers.statement(state(), "ada")
    assert ordered(signed, Noted(), generation(), named) == state()
    with pytest.raises(UntrustedError, match="it is not signed"):
        ordered(None, Noted(), generation(), named)


def test_keys_that_are_noted_are_not_replaced_by_those_that_a_site_names(signers: Signers) -> None:
    noted, named = Noted((signers.key("ada"),), 3), (signers.key("bob"),)
    with pytest.raises(UntrustedError, match="which is not trusted here"):
        ordered(signers.statement(state(), "bob"), noted, generation(), named)
    both = signers.statement(state(), "ada", "bob")
    assert ordered(both, noted, generation(), named) == state()


@pytest.mark.parametrize(
    "asked",
    [generation(TWO), generation(source="/wheels"), generation(source="./bundles/x.envc")],
)
def test_a_signed_state_covers_nothing_else(signers: Signers, asked: WantedGeneration) -> None:
    noted = Noted((signers.key("ada"),))
    with pytest.raises(UntrustedError) as told:
        ordered(signers.statement(state(5, generation(), asked), "ada"), noted, asked)
    assert str(told.value) == (
        "--wanted: the wanted state that was signed names another parcel or source than was asked "
        "for\n  help: run `envc rollout --sign KEY` again"
    )


def test_another_generation_is_not_switched_to() -> None:
    refuse_other_generation(ONE, ONE)
    for signed in (None, TWO):
        with pytest.raises(UntrustedError, match="names another generation than is to be switched"):
            refuse_other_generation(signed, ONE)


@pytest.mark.parametrize(
    ("named", "serial", "after"),
    [
        (("bob",), 7, Noted(("bob",), 7)),  # the next site names other keys
        (("bob",), None, Noted(("bob",), 5)),  # a bundle, or what a canary heard of
        ((), 7, Noted((), 0)),  # the site gives its keys up
    ],
)
def test_what_is_noted_when_something_was_accepted(
    named: Keys, serial: int | None, after: Noted
) -> None:
    assert Noted(("ada",), 5).after(named, serial) == after


def test_that_a_state_named_its_target_is_not_forgotten() -> None:
    first = Noted(("ada",)).after(("ada",), 7, is_named=True)
    assert first.is_named
    assert first.after(("bob",), None).is_named
    assert not first.after((), 8).is_named  # anybody's word is taken from now on


@pytest.mark.parametrize("prefix", ["", "tool.envc."])
def test_the_keys_that_a_parcel_names(signers: Signers, prefix: str) -> None:
    spec = (
        f'{prefix}version = 1\n[{prefix}site]\nname = "s"\nkeys = ["{signers.key("ada")}"]\n'
        f'[{prefix}core]\npython = "3.11"\n[{prefix}layer.user]\nrequires = []\n'
    )
    name = "pyproject.toml" if prefix else "envc.toml"
    for text in (spec, spec.replace("keys", '"k\\u0065ys"')):
        parcel = parcel_to_json(Parcel(site="s", origin="/s", files={name: text}))
        assert keys_named_in(parcel, "p") == (signers.key("ada"),)


def test_a_parcel_that_names_no_keys_is_not_parsed() -> None:
    parcel = parcel_to_json(Parcel(site="s", origin="/s", files={"envc.toml": "no TOML"}))
    assert keys_named_in(parcel, "p") == ()
