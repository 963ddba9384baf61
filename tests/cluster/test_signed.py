"""A site with keys: what nobody has signed is neither prepared, nor switched or converged to."""

import hashlib
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.fake_nodes import Cluster, FakeEngine
from envc.bundle import SiteBundle
from envc.commands.rollout import roll_out
from envc.errors import UntrustedError, UsageError
from envc.fleet.state import StateFolder, said_in
from envc.formats.location import location_from_text, location_to_text
from envc.formats.openssh import public_key_from_text
from envc.host.context import Context
from envc.model.bundle import BundleFile
from envc.model.nodes import Statement
from envc.model.value import replace
from envc.reports.rollout import RolloutReport
from envc.rollout.values import RolloutOptions
from support.keys import make_key
from support.sites import Answer, envc

pytestmark = pytest.mark.slow  # whole sites are rolled out


class Signed:
    """A cluster whose site names the key `ada`; `bob` is another that nobody knows."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        for name in ("ada", "bob"):
            make_key(folder / name)
        cluster.site.edit('name = "canopy"\n', 'name = "canopy"\nkeys = []\n')
        self.name_keys("ada")

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text().strip()

    def shown(self, name: str) -> str:
        return str(public_key_from_text(self.public(name)))

    def fingerprint(self, name: str) -> str:
        return public_key_from_text(self.public(name)).fingerprint

    def name_keys(self, *names: str) -> None:
        """Have the site name these keys."""
        path = self.cluster.site.folder / "envc.toml"
        keys = ", ".join(f'"{self.public(name)}"' for name in names)
        path.write_text(re.sub(r"(?m)^keys = .*", f"keys = [{keys}]", path.read_text()))

    def roll_out(
        self, *names: str, nodes: str = "n1", down: str = "", **options: Any
    ) -> RolloutReport:
        """Roll out, signed with these keys; a node that is down is to hold it, too."""
        options.setdefault("state", str(self.cluster.state))
        engine = FakeEngine()
        engine.down = {down} - {""}
        settings = RolloutOptions(
            nodes=nodes,
            target=self.cluster.target,
            sign=tuple(str(self.folder / name) for name in names),
            **options,
        )
        site = str(self.cluster.site.folder)
        return roll_out(site, settings, engine, Context(), lambda state: None)

    def leave(self, *names: str, **options: Any) -> None:
        """Have n1 hold a state that n2 is to come to: it is down."""
        report = self.roll_out(*names, nodes="n[1-2]", down="n2", max_failures=1, **options)
        assert report.nodes["n1"].state in {"current", "switched"}, report

    @property
    def groups(self) -> Path:
        """The wanted state that counts."""
        return Path(StateFolder(str(self.cluster.state)).required().file)

    def converge(self, node: str, *words: object) -> Answer:
        return envc("converge", "--target", self.cluster.folder(node), *words)

    def noted(self, node: str) -> tuple[tuple[str, ...], int]:
        location = location_from_text(
            (self.cluster.folder(node) / "location.toml").read_bytes(), "location.toml"
        )
        return location.keys, location.serial


@pytest.fixture
def signed(cluster: Cluster, tmp_path: Path) -> Signed:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen cannot be found: run `make tools`")
    cluster.warm("n1", "n2")
    return Signed(cluster, tmp_path)


@pytest.mark.parametrize("shared", [True, False])
def test_a_signed_rollout_is_done_and_noted(signed: Signed, *, shared: bool) -> None:
    state = str(signed.cluster.state) if shared else None
    report = signed.roll_out("ada", nodes="n[1-2]", state=state)
    assert (report.ok, report.sets) == (True, {"switched": "n[1-2]"}), report
    assert signed.noted("n2")[0] == (signed.public("ada"),)
    for node in ("n1", "n2"):
        assert signed.converge(node, "--check").status == 0
        assert signed.converge(node).status == 0
        assert signed.noted(node)[1] > 1_700_000_000  # of the clock, so that it only grows
    for _ in range(2):
        assert signed.roll_out("ada", nodes="n[1-2]", state=state).sets == {"current": "n[1-2]"}
        assert signed.converge("n1", "--check").status == 0
    signed.cluster.upgrade()
    assert signed.roll_out("ada", nodes="n[1-2]", state=state).sets == {"switched": "n[1-2]"}


@pytest.mark.parametrize("shared", [True, False])
def test_a_roll_out_that_fails_by_the_clock_here_is_noted_by_nobody(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    state = str(signed.cluster.state) if shared else None
    assert signed.roll_out("ada", nodes="n1", state=state).ok
    noted, years = signed.noted("n1"), 10 * 365 * 86_400
    with monkeypatch.context() as patch:
        now = time.time
        patch.setattr("envc.fleet.wish.time.time", lambda: now() + years)
        patch.setattr("envc.fleet.node_report.time", SimpleNamespace(time=now))
        for change in (lambda: None, signed.cluster.upgrade):
            change()
            report = signed.roll_out("ada", nodes="n[1-2]", state=state, max_failures=2, canary=0)
            assert report.sets == {"failed": "n[1-2]"}
            assert report.nodes["n1"].reason.startswith("its clock is ")
            assert signed.noted("n1") == noted
            assert signed.converge("n1", "--check").status == 0
    assert signed.roll_out("ada", nodes="n[1-2]", state=state).sets == {"switched": "n[1-2]"}
    assert signed.converge("n1", "--check").status == 0


def test_nothing_to_sign_with(signed: Signed) -> None:
    with pytest.raises(UsageError) as told:
        signed.roll_out()
    file = signed.cluster.site.folder / "envc.toml"
    assert str(told.value) == (
        f"{file} (site.keys): the site has keys, and nothing to sign with was named\n"
        "  help: name the private key with --sign KEY, or set ENVC_SIGN_KEY"
    )
    with pytest.raises(UsageError) as other:
        signed.roll_out("bob")
    assert str(other.value) == (
        f"{signed.folder / 'bob'}: none of the signatures is by a key that the site names\n"
        "  help: sign with a key of [site] keys, or add its .pub there"
    )
    assert signed.cluster.current("n1") is None


def test_no_key_of_openssh_in_the_spec(signed: Signed) -> None:
    signed.cluster.site.edit(signed.public("ada"), "ssh-rsa AAAA ada")
    answer = signed.cluster.site.envc("lock")
    assert answer.status == 2
    assert answer.stderr == (
        "error: 'ssh-rsa AAAA ada' is not an OpenSSH public key of kind ssh-ed25519\n"
        "   at: envc.toml:5 (site.keys[0])\n help: correct it\n"
    )


def refusal(wanted: Path, what: str, mend: str) -> str:
    return f"error: {what}\n   at: {wanted}\n help: {mend}\n"


def test_a_state_that_is_not_what_was_signed_is_not_converged_to(signed: Signed) -> None:
    cluster, state = signed.cluster, signed.cluster.state
    assert signed.roll_out("ada").ok
    wanted = state / "wanted.json"
    text = wanted.read_text()
    signatures = {path: path.read_bytes() for path in (state / "signatures").iterdir()}
    signature, older = next(iter(signatures.values())), signed.groups
    cluster.upgrade()
    assert signed.roll_out("ada").ok
    newer = wanted.read_text()
    assert signed.converge("n1").status == 0

    for path, content in signatures.items():
        path.write_bytes(content)
    wanted.write_text(text)  # somebody puts the old one back, which was signed
    answer = signed.converge("n1", "--check")
    assert answer.status == 5
    assert re.sub(r"serial \d+", "serial N", answer.stderr) == refusal(
        older,
        "this wanted state is older (serial N) than one that this node has accepted (serial N)",
        "run `envc rollout --sign KEY` again; find out who put the old one back",
    )

    wanted.write_text(newer.replace('"site": "canopy"', '"site": "other"'))
    not_signed = refusal(
        wanted, "it is not signed", f"have it signed (--sign) with {signed.shown('ada')}"
    )
    for words in (("--check",), ()):
        answer = signed.converge("n1", *words)
        assert (answer.status, answer.stderr) == (5, not_signed)

    forged = hashlib.sha256(wanted.read_bytes()).hexdigest()
    (state / "signatures" / f"{forged}.sig").write_bytes(signature)
    answer = signed.converge("n1")
    assert (answer.status, answer.stderr) == (
        5,
        refusal(
            wanted,
            f"this is not what was signed with {signed.shown('ada')}",
            "fetch it again, or have it signed again; find out who altered it",
        ),
    )
    assert cluster.current("n1") == "generations/000002"


def test_groups_are_signed_and_missed(signed: Signed) -> None:
    """Without them, what was rolled out last would be wanted of all nodes."""
    assert signed.roll_out("ada", nodes="n[1-2]").ok
    signed.cluster.upgrade()
    assert signed.roll_out("ada", nodes="n1").ok
    assert signed.converge("n2").status == 0
    assert signed.cluster.current("n2") == "generations/000001"
    groups = signed.groups
    text = groups.read_text()
    groups.write_text(text.replace('"nodes": "n1"', '"nodes": "n[1-2]"'))
    assert groups.read_text() != text
    answer = signed.converge("n2", "--check")
    assert (answer.status, answer.stderr) == (
        5,
        refusal(groups, "it is not signed", f"have it signed (--sign) with {signed.shown('ada')}"),
    )
    groups.unlink()
    for words in (("--check",), ()):
        answer = signed.converge("n2", *words)
        assert answer.status == 5
        assert answer.stderr.startswith("error: this wanted state is older (serial ")
    assert signed.cluster.current("n2") == "generations/000001"


def put_into(state: Path, other: Path, *names: str) -> None:
    """Give a folder what stands in another one, as its owner may."""
    for name in names:
        if (other / name).is_dir():
            shutil.copytree(other / name, state / name, dirs_exist_ok=True)
        else:
            shutil.copy(other / name, state / name)


EVERYTHING = ("wanted.json", "groups", "signatures", "parcels", "kits")
AS_OF_ALL = ("wanted.json", "signatures", "parcels", "kits")


def kept_as_it_is(signed: Signed, told: str) -> None:
    before = signed.noted("n1"), signed.cluster.current("n1")
    for words in (("--check",), ()):
        answer = signed.converge("n1", *words)
        assert (answer.status, answer.stderr.startswith(f"error: {told}")) == (5, True), answer
    assert (signed.noted("n1"), signed.cluster.current("n1")) == before


@pytest.mark.parametrize("names", [EVERYTHING, AS_OF_ALL])
def test_the_state_of_another_site_is_not_converged_to(
    signed: Signed, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Its keys would replace those that are noted: the other site trusts more people."""
    cluster, other = signed.cluster, tmp_path / "other"
    assert signed.roll_out("ada").ok
    cluster.site.edit('name = "canopy"', 'name = "lab"')
    signed.name_keys("ada", "bob")
    cluster.upgrade()
    assert signed.roll_out("ada", nodes="n2", state=str(other)).ok
    put_into(cluster.state, other, *names)
    kept_as_it_is(signed, "this wanted state is of site lab, and this target is of site canopy\n")
    report = signed.roll_out("ada", nodes="n1")
    told = "--wanted: this wanted state is of site lab, and this target is of site canopy"
    assert report.nodes["n1"].reason == told
    # By hand, from that site's folder, it is given away; then it is the other site's.
    cluster.site.done("materialize", "--target", cluster.folder("n1"))
    assert signed.roll_out("ada", nodes="n1").ok
    assert signed.noted("n1")[0] == (signed.public("ada"), signed.public("bob"))


@pytest.mark.parametrize("names", [EVERYTHING, AS_OF_ALL])
def test_what_is_wanted_of_another_site_is_not_signed_for(
    signed: Signed, tmp_path: Path, names: tuple[str, ...]
) -> None:
    cluster, other = signed.cluster, tmp_path / "other"
    cluster.site.edit('name = "canopy"', 'name = "lab"')
    assert signed.roll_out("ada", nodes="n2", state=str(other)).ok
    cluster.site.edit('name = "lab"', 'name = "canopy"')
    cluster.state.mkdir()
    put_into(cluster.state, other, *names)
    assert signed.roll_out("ada", nodes="n1").ok
    wanted = said_in(StateFolder(str(cluster.state)).required())
    assert (wanted.site, [group.nodes for group in wanted.groups]) == ("canopy", ["n1"])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (EVERYTHING, "this wanted state is for the target "),
        (AS_OF_ALL, "this wanted state does not tell which target it is for"),
    ],
)
def test_the_state_of_another_target_is_not_converged_to(
    signed: Signed, tmp_path: Path, names: tuple[str, ...], told: str
) -> None:
    cluster, other = signed.cluster, tmp_path / "other"
    assert signed.roll_out("ada").ok
    cluster.upgrade()
    signed.name_keys("ada", "bob")
    engine, site = FakeEngine(), str(cluster.site.folder)
    options = RolloutOptions(
        nodes="n1",
        target=f"{tmp_path}/elsewhere/{{node}}",
        sign=(str(signed.folder / "ada"),),
        state=str(other),
    )
    assert roll_out(site, options, engine, Context(), lambda state: None).ok
    put_into(cluster.state, other, *names)
    kept_as_it_is(signed, told)


def wanted_by_a_stranger(signed: Signed) -> str:
    """The parcel that who owns the folder, and has no key, wants of n2, by what he puts there."""
    signed.leave("ada")
    signed.cluster.upgrade()
    signed.name_keys()
    other = signed.folder / "other"
    assert signed.roll_out(nodes="n2", state=str(other)).ok
    signed.name_keys("ada")
    put_into(signed.cluster.state, other, "wanted.json", "groups", "parcels", "kits")
    ((generation,), *_) = (each.generations for each in said_in(stated_in(other)).groups)
    return generation.parcel


def stated_in(folder: Path) -> Statement:
    return StateFolder(str(folder)).required()


def groups_in(folder: Path) -> set[str]:
    return {group.nodes for group in said_in(stated_in(folder)).groups}


def test_a_roll_out_signs_nothing_that_a_stranger_has_written(signed: Signed) -> None:
    parcel = wanted_by_a_stranger(signed)
    state = signed.cluster.state
    before = stated_in(state)
    with pytest.raises(UntrustedError) as told:
        signed.roll_out("ada")
    assert str(told.value) == (
        f"{signed.groups}: what is wanted of nodes here is not to be signed: it is not signed\n"
        "  help: find out who wrote it; where keys are replaced, name the old one with --sign, "
        "too; with --replace-keys what it wants of other nodes is left out"
    )
    assert stated_in(state) == before
    assert signed.roll_out("ada", replace_keys=True).ok
    assert groups_in(state) == {"n1"}
    assert parcel not in stated_in(state).text.decode()


def test_what_is_read_without_groups_is_not_signed_for_a_stranger(signed: Signed) -> None:
    """The groups beside it may be what somebody has signed: who writes there names them."""
    state = StateFolder(str(signed.cluster.state))
    signed.leave("ada")
    groups = state.required()
    parcel = wanted_by_a_stranger(signed)
    published = state.published()
    assert published is not None
    state.write(replace(published, groups=groups))
    with pytest.raises(UntrustedError, match="it is not signed"):
        signed.roll_out("ada")
    assert signed.roll_out("ada", replace_keys=True).ok
    assert parcel not in Path(state.wanted_path).read_text()
    assert groups_in(signed.cluster.state) == {"n1", "n2"}


def test_what_was_signed_is_signed_again_for_others(signed: Signed) -> None:
    signed.leave("ada")
    signed.cluster.upgrade()
    assert signed.roll_out("ada").ok
    assert groups_in(signed.cluster.state) == {"n1", "n2"}


def test_a_roll_out_follows_no_link_in_the_folder(signed: Signed, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert signed.roll_out("ada", nodes="n2", state=str(other)).ok
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    signed.cluster.state.mkdir()
    for name in ("parcels", "signatures"):
        (signed.cluster.state / name).symlink_to(other / name)
    signed.cluster.upgrade()
    with pytest.raises(UsageError, match="it is a link, which can lead anywhere"):
        signed.roll_out("ada")
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == before
    assert {path.name for path in signed.cluster.state.iterdir()} == {"parcels", "signatures"}


def test_a_target_may_have_two_names(signed: Signed, tmp_path: Path) -> None:
    signed.leave("ada")
    (tmp_path / "link").symlink_to(signed.cluster.folder("n1"))
    for words in (("--check",), ()):
        answer = envc("converge", "--target", tmp_path / "link", *words)
        assert answer.status == 0, answer.stderr


def test_a_bundle_of_another_site_is_refused(signed: Signed, tmp_path: Path) -> None:
    target = signed.cluster.folder("n1")
    assert signed.roll_out("ada").ok
    before = signed.noted("n1"), signed.cluster.current("n1")
    signed.cluster.site.edit('name = "canopy"', 'name = "lab"')
    signed.name_keys("ada", "bob")
    signed.cluster.upgrade()
    lab = make_bundle(signed, tmp_path / "lab.envc", "ada")
    words = ("--target", target, "--offline", "--from", lab)
    answer = envc("materialize", *words, cwd=tmp_path)
    told = "error: this bundle is of site lab, and this target is of site canopy\n"
    assert (answer.status, answer.stderr.startswith(told)) == (5, True), answer.stderr
    assert (signed.noted("n1"), signed.cluster.current("n1")) == before
    answer = envc("materialize", *words, "--site", signed.cluster.site.folder, cwd=tmp_path)
    assert answer.status == 0, answer.stderr


def test_a_bundle_older_than_one_before(signed: Signed, tmp_path: Path) -> None:
    target = tmp_path / "Canopy"
    old = make_bundle(signed, tmp_path / "old.envc", "ada")
    signed.cluster.upgrade()
    new = make_bundle(signed, tmp_path / "new.envc", "ada")
    words = ("materialize", "--target", target, "--offline", "--from")
    for bundle in (old, new, new):
        answer = envc(*words, bundle, cwd=tmp_path)
        assert answer.status == 0, answer.stderr
    told = "error: this bundle is older than what this target has accepted\n"
    for more in ((), ("--trust", signed.folder / "ada.pub")):
        answer = envc(*words, old, *more, cwd=tmp_path)
        assert (answer.status, answer.stderr.startswith(told)) == (5, True), answer.stderr
        assert (target / "current").readlink() == Path("generations/000002")
    # On purpose one can go back; what runs then may be brought again.
    assert envc("rollback", "--target", target).status == 0
    assert envc(*words, old, cwd=tmp_path).status == 0
    assert (target / "current").readlink() == Path("generations/000001")
    assert envc(*words, new, cwd=tmp_path).status == 0


def test_a_bundle_older_than_a_roll_out(signed: Signed, tmp_path: Path) -> None:
    old = make_bundle(signed, tmp_path / "old.envc", "ada")
    words = ("--target", signed.cluster.folder("n1"), "--offline", "--from", old)
    assert signed.roll_out("ada", source=str(old)).ok
    assert envc("materialize", *words, cwd=tmp_path).status == 0  # that is what runs
    signed.cluster.upgrade()
    assert signed.roll_out("ada").ok
    assert signed.converge("n1").status == 0
    serial = signed.noted("n1")[1]
    with SiteBundle(BundleFile(str(old))) as bundle:
        assert 0 < bundle.made() // 10**9 <= serial
    location = signed.cluster.folder("n1") / "location.toml"
    location.write_text(
        location.read_text().replace(f"serial = {serial}", f"serial = {serial + 9}")
    )
    answer = envc("materialize", *words, cwd=tmp_path)
    assert answer.status == 5
    assert answer.stderr.startswith(
        "error: this bundle is older than what this target has accepted"
    )
    site = ("--site", signed.cluster.site.folder)
    assert envc("materialize", *words, *site, cwd=tmp_path).status == 0


def test_a_node_made_anew_trusts_whom_it_is_told_to(signed: Signed) -> None:
    signed.leave("ada")
    wanted = signed.groups
    state = ("--state", signed.cluster.state, "--node", "n2")
    answer = signed.converge("n2", *state, "--trust", signed.folder / "bob.pub")
    assert (answer.status, answer.stderr) == (
        5,
        refusal(
            wanted,
            f"it is signed with {signed.fingerprint('ada')}, which is not trusted here",
            f"have it signed (--sign) with {signed.shown('bob')}",
        ),
    )
    assert signed.cluster.current("n2") is None
    answer = signed.converge("n2", *state, "--trust", signed.folder / "ada.pub")
    assert answer.status == 0, answer.stderr
    assert signed.noted("n2")[0] == (signed.public("ada"),)


def test_at_first_use_the_sites_keys_are_taken_and_an_unsigned_state_is_not(signed: Signed) -> None:
    signed.leave("ada")
    shutil.rmtree(signed.cluster.state / "signatures")
    state = ("--state", signed.cluster.state, "--node", "n2")
    answer = signed.converge("n2", *state)
    assert answer.status == 5
    assert answer.stderr.startswith("error: it is not signed\n")
    signed.leave("ada", replace_keys=True)  # which signs again
    assert signed.converge("n2", *state).status == 0
    assert signed.noted("n2")[0] == signed.noted("n1")[0]


def test_what_a_killed_converge_did_not_note_the_next_one_notes(signed: Signed) -> None:
    """It had switched: there is nothing else left to do."""
    signed.leave("ada")
    state = ("--state", signed.cluster.state, "--node", "n2")
    location = signed.cluster.folder("n2") / "location.toml"
    assert signed.converge("n2", *state).status == 0
    noted = location.read_bytes()
    name = signed.cluster.folder("n2") / "wanted/node"
    told = location_from_text(noted, "location.toml")
    assert told.keys
    location.write_bytes(location_to_text(replace(told, keys=(), serial=0, wanted=None)))
    name.unlink()
    assert signed.converge("n2", *state).status == 0
    assert location.read_bytes() == noted
    assert name.exists()


def test_a_trust_file_without_a_key(signed: Signed, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("# nobody\n")
    answer = signed.converge("n1", "--trust", tmp_path / "none")
    assert (answer.status, answer.stderr) == (
        2,
        f"error: there is no public key in it\n   at: {tmp_path}/none\n help: name another file\n",
    )
    answer = signed.converge("n1", "--trust", tmp_path / "absent")
    assert (answer.status, answer.stderr) == (
        2,
        refusal(
            tmp_path / "absent",
            "no public keys can be read here: No such file or directory",
            "name a file with lines as a .pub file has them",
        ),
    )


@pytest.mark.parametrize("shared", [True, False])
def test_a_key_is_replaced(signed: Signed, *, shared: bool) -> None:
    state = str(signed.cluster.state) if shared else None
    assert signed.roll_out("ada", nodes="n[1-2]", state=state).ok
    signed.name_keys("bob")
    if shared:  # what ada has signed is not bob's to go on with
        with pytest.raises(UntrustedError, match="which is not trusted here"):
            signed.roll_out("bob", state=state)
    else:
        report = signed.roll_out("bob", state=state)
        assert report.sets == {"failed": "n1"}
        assert report.nodes["n1"].reason == (
            f"--wanted: it is signed with {signed.fingerprint('bob')}, which is not trusted here"
        )
        assert report.nodes["n1"].mend == f"have it signed (--sign) with {signed.shown('ada')}"
    assert signed.noted("n1")[0] == (signed.public("ada"),)

    signed.leave("ada", "bob", state=state)
    assert signed.noted("n1")[0] == (signed.public("bob"),)
    if shared:  # n2 was down: it comes to both by itself
        assert signed.converge("n2").status == 0
    else:
        assert signed.roll_out("ada", "bob", nodes="n2", state=None).ok
    assert signed.noted("n2")[0] == (signed.public("bob"),)
    signed.cluster.upgrade()
    assert signed.roll_out("bob", nodes="n[1-2]", state=state).ok


def test_a_key_that_was_lost_is_replaced_by_force(signed: Signed) -> None:
    assert signed.roll_out("ada").ok
    signed.name_keys("bob")
    with pytest.raises(UntrustedError):
        signed.roll_out("bob")
    assert signed.roll_out("bob", state=None).sets == {"failed": "n1"}
    assert signed.roll_out("bob", replace_keys=True).ok
    assert signed.noted("n1")[0] == (signed.public("bob"),)


@pytest.mark.parametrize("known", [True, False])
def test_a_site_gives_its_keys_up(signed: Signed, *, known: bool) -> None:
    assert signed.roll_out("ada").ok
    signed.name_keys()
    report = signed.roll_out()
    assert report.sets == {"failed": "n1"}
    assert report.nodes["n1"].reason == "--wanted: it is not signed"
    if not known:  # the public half need not be here
        (signed.folder / "ada.pub").unlink()
    assert signed.roll_out("ada").ok
    assert signed.noted("n1") == ((), 0)
    signed.cluster.upgrade()
    assert signed.roll_out().ok


def test_a_bare_step_is_refused_where_keys_are_noted(signed: Signed) -> None:
    assert signed.roll_out("ada").ok
    digest = "sha256:" + "1" * 64
    words = ("--target", signed.cluster.folder("n1"), "--state", signed.cluster.state, "--json")
    answer = envc("node", "switch", "--digest", digest, *words)
    told = (
        "error: it is not signed\n   at: --wanted\n"
        f" help: have it signed (--sign) with {signed.shown('ada')}\n"
    )
    assert (answer.status, answer.stderr) == (5, told)
    (parcel,) = (signed.cluster.state / "parcels").iterdir()
    answer = envc("node", "prepare", "--parcel", f"sha256:{parcel.stem}", *words)
    assert (answer.status, answer.stderr) == (5, told)
    answer = envc("node", "switch", "--digest", digest, *words, "--wanted", "?")
    assert answer.status == 2
    assert answer.stderr.startswith("error: the wanted state is not Base64: ")


def test_materialize_forgets_no_key(signed: Signed) -> None:
    assert signed.roll_out("ada").ok
    signed.cluster.upgrade()
    before = signed.noted("n1")
    signed.cluster.site.done("materialize", "--target", signed.cluster.folder("n1"))
    assert signed.noted("n1") == before


def make_bundle(signed: Signed, path: Path, *keys: str) -> Path:
    words = [word for name in keys for word in ("--sign", signed.folder / name)]
    report = signed.cluster.site.done("bundle", "-o", path, "--json", *words).json
    assert report["signed"] is bool(keys)
    return path


def test_a_bundle_is_signed_and_verified(signed: Signed, tmp_path: Path) -> None:
    first = make_bundle(signed, tmp_path / "first.envc", "ada")
    target = tmp_path / "Canopy"
    words = ("--target", target, "--offline", "--from")
    assert envc("materialize", *words, first, cwd=tmp_path).status == 0
    signed.name_keys("bob")
    signed.cluster.upgrade()
    second = make_bundle(signed, tmp_path / "second.envc", "bob")
    answer = envc("materialize", *words, second, cwd=tmp_path)
    assert (answer.status, answer.stderr) == (
        5,
        refusal(
            second,
            f"it is signed with {signed.fingerprint('bob')}, which is not trusted here",
            f"have it signed (--sign) with {signed.shown('ada')}",
        ),
    )
    site = ("--site", signed.cluster.site.folder)
    assert envc("materialize", *words, second, *site, cwd=tmp_path).status == 5
    assert (target / "current").readlink() == Path("generations/000001")
    trust = ("--trust", signed.folder / "bob.pub")
    answer = envc("materialize", *words, second, *trust, cwd=tmp_path)
    assert answer.status == 0, answer.stderr
    assert (target / "current").readlink() == Path("generations/000002")
    assert envc("materialize", *words, first, cwd=tmp_path).status == 5


def test_a_bundle_that_is_not_signed(signed: Signed, tmp_path: Path) -> None:
    answer = signed.cluster.site.envc("bundle", "-o", tmp_path / "a.envc")
    assert answer.status == 2
    assert "error: the site has keys, and nothing to sign with was named\n" in answer.stderr
    signed.name_keys()
    unsigned = make_bundle(signed, tmp_path / "unsigned.envc")
    words = ("--target", tmp_path / "Canopy", "--offline", "--from", unsigned)
    trust = ("--trust", signed.folder / "ada.pub")
    answer = envc("materialize", *words, *trust, cwd=tmp_path)
    assert (answer.status, answer.stderr) == (
        5,
        refusal(
            unsigned, "it is not signed", f"have it signed (--sign) with {signed.shown('ada')}"
        ),
    )
    assert not (tmp_path / "Canopy/current").exists()


def test_another_bundle_under_the_wanted_name_is_refused(signed: Signed, tmp_path: Path) -> None:
    first = make_bundle(signed, tmp_path / "first.envc", "ada")
    signed.leave("ada", source=str(first))
    (place,) = (signed.cluster.state / "bundles").iterdir()
    signed.cluster.upgrade()
    place.write_bytes(make_bundle(signed, tmp_path / "second.envc", "ada").read_bytes())
    answer = signed.converge("n2", "--state", signed.cluster.state, "--node", "n2")
    assert (answer.status, answer.stderr) == (
        5,
        refusal(
            place,
            "this bundle is not the one that the wanted state names",
            "run `envc rollout` again",
        ),
    )
    assert signed.cluster.current("n2") is None


def test_a_repair_takes_no_other_bundle(signed: Signed, tmp_path: Path) -> None:
    target = signed.cluster.folder("n1")
    assert signed.roll_out("ada").ok
    signed.name_keys("bob")
    signed.cluster.site.done("lock")
    other = make_bundle(signed, tmp_path / "other.envc", "bob")
    answer = envc("repair", "--target", target, "--from", other)
    assert answer.status == 5
    assert answer.stderr.startswith(f"error: it is signed with {signed.fingerprint('bob')}, which ")


def test_a_bundle_that_is_replaced_while_it_is_read(signed: Signed, tmp_path: Path) -> None:
    first = make_bundle(signed, tmp_path / "first.envc", "ada")
    with SiteBundle(BundleFile(str(first))) as bundle:
        accepted = BundleFile(str(first), bundle.digest)
    SiteBundle(accepted).close()
    signed.cluster.upgrade()
    make_bundle(signed, first, "ada")
    with pytest.raises(UntrustedError) as told:
        SiteBundle(accepted)
    assert str(told.value) == (
        f"{first}: this bundle was replaced while it was read\n"
        "  help: find out who did it; then run the same command again"
    )
