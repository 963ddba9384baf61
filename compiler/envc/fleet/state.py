"""The folder of the wanted state: what stands in it, read, written, and removed again.

    STATE/wanted.json               the wanted state; where it is by groups, what envc reads that
                                    knows none: what was rolled out last, for all nodes
    STATE/groups/<hex>.json         the wanted state by groups, named by that `wanted.json`, so that
                                    both change at once; not there: it is for all nodes
    STATE/<folder>/<hex><suffix>    what nodes make it from, by digest: `names.STATE_PLACES`
    STATE/boot.py, converge         start envc on a node that does not have it (`deployment`)

A roll-out writes it; nodes read it from shared storage, or each has its own at `TARGET/wanted`,
which the engine brought. Nodes trust digests, not the folder. Two roll-outs may write it: what the
second publishes follows what the first has published.
"""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from envc.disk.durable import doing, make_folder, write_file
from envc.disk.folders import names_in, remove_file
from envc.disk.ownership import refuse_led_away
from envc.errors import DamagedError, EnvcError, UntrustedError, UsageError
from envc.formats.wanted import wanted_from_json
from envc.model.bundle import BundleFile, PackedCore, Sources
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.names import OWN_STATE, STATE_PLACES, What
from envc.model.nodes import Published, Statement, WantedGeneration, WantedGroups
from envc.target.directory import Directory, read_bytes
from envc.target.opened import read_location

# So long a file system may show what has changed elsewhere, and more.
_SEEN_SECONDS = 86_400.0
_ANY = digest_of(b"")
_HEX = re.compile(r"[0-9a-f]{64}")


class StateFolder(NamedTuple):
    """A folder of a wanted state. Every method may raise OutsideError: the disk refused."""

    path: str

    @property
    def wanted_path(self) -> str:
        """The file with the wanted state."""
        return f"{self.path}/wanted.json"

    def place(self, what: What, digest: Digest) -> str:
        """Where something stands, or will."""
        folder, suffix = STATE_PLACES[what]
        return f"{self.path}/{folder}/{hex_of(digest)}{suffix}"

    def refuse_led_away(self) -> None:
        """Refuse what would have others' files written, or removed, in the place of these.

        Raises:
            UsageError: a folder in here is a link, or neither root's, nor of who owns this one.
        """
        looking = doing("look at the folder of the wanted state", self.path)
        with looking, suppress(FileNotFoundError):
            owner = os.stat(self.path).st_uid
            for folder, _ in STATE_PLACES.values():
                refuse_led_away(f"{self.path}/{folder}", {owner})

    def published(self) -> Published | None:
        """The wanted state as it stands here; None: there is none."""
        plain = self._stated(self.wanted_path)
        if plain is None:
            return None
        return Published(plain, self._stated(self.place("groups", digest_of(plain.text))))

    def _stated(self, path: str) -> Statement | None:
        """What stands in a file, with its signatures."""
        try:
            text = read_bytes(path, missing_is_fine=True)
        except FileNotFoundError:
            return None
        with suppress(FileNotFoundError):
            signatures = read_bytes(self._signatures(text), missing_is_fine=True)
            return Statement(text, signatures, path)
        return Statement(text, file=path)

    def _signatures(self, text: bytes) -> str:
        return self.place("signature", digest_of(text))

    def statement(self) -> Statement | None:
        """The statement that counts of what stands here."""
        published = self.published()
        return published.statement if published is not None else None

    def required(self) -> Statement:
        """The same, where there is to be one.

        Raises:
            UsageError: there is none.
        """
        found = self.statement()
        if found is None:
            raise UsageError(
                "no wanted state here",
                where=self.wanted_path,
                mend="correct --state, or write it with `envc rollout --state DIR`",
            )
        return found

    def wanted_before(self) -> WantedGroups | None:
        """The wanted state that another is to follow; None: there is none, or it is damaged.

        Raises:
            SpecError: it is newer than this envc.
        """
        statement = self.statement()
        with suppress(DamagedError):
            return said_in(statement) if statement is not None else None
        return None

    def write(self, published: Published) -> None:
        """Write a wanted state; its groups and signatures are there before it is.

        Raises:
            UsageError: as for `refuse_led_away`.
        """
        self.refuse_led_away()
        plain, groups = published.plain, published.groups
        files = {}
        if groups is not None:
            files[self._signatures(groups.text)] = groups.signatures
            files[self.place("groups", digest_of(plain.text))] = groups.text
        files[self._signatures(plain.text)] = plain.signatures
        with doing("write the wanted state", self.path):
            for path, content in files.items():
                if content:
                    make_folder(os.path.dirname(path))
                    write_file(path, content)
            make_folder(self.path)
            write_file(self.wanted_path, plain.text)

    def put_parcel(self, content: bytes) -> Digest:
        """Write a parcel under its name, unless it is there; its digest."""
        digest = digest_of(content)
        place_file(self.place("parcel", digest), content)
        return digest

    def parcel(self, digest: Digest) -> bytes:
        """The bytes of a parcel.

        Raises:
            UntrustedError: they are not what the name says.
        """
        path = self.place("parcel", digest)
        content = read_bytes(path)
        if digest_of(content) != digest:
            raise UntrustedError(
                "the parcel is not what the wanted state names: it was cut off or altered",
                where=path,
                mend="run `envc rollout` again",
            )
        return content

    def bundle(self, path: str) -> BundleFile:
        """A bundle of this folder, held against its name.

        Raises:
            UsageError: it is not there.
            UntrustedError: another one stands in its place, or none.
        """
        from envc.bundle import SiteBundle  # few roll-outs bring one

        with SiteBundle(BundleFile(path)) as bundle:
            digest = bundle.digest
        if os.path.basename(path) != os.path.basename(self.place("bundle", digest)):
            raise UntrustedError(
                "this bundle is not the one that the wanted state names",
                where=path,
                mend="run `envc rollout` again",
            )
        return BundleFile(path, digest)

    def bundle_path(self, generation: WantedGeneration) -> str | None:
        """Where a generation's bundle stands: all that is relative to this folder is one."""
        if generation.source is None or os.path.isabs(generation.source):
            return None
        return os.path.normpath(os.path.join(self.path, generation.source))

    def lacks(self, generation: WantedGeneration) -> tuple[str, ...]:
        """What of a generation's files does not stand here as what it should be."""
        lacks = {"parcel", "bundle"}
        with suppress(EnvcError):
            self.parcel(generation.parcel)
            lacks.remove("parcel")
        with suppress(EnvcError):
            bundle = self.bundle_path(generation)
            if bundle is not None:
                self.bundle(bundle)
            lacks.remove("bundle")
        return tuple(sorted(lacks, reverse=True))

    def sources(self, generation: WantedGeneration) -> Sources:
        """Where a generation's wheels and its core come from; what is not there may not be needed.

        Raises:
            UntrustedError: another bundle stands in the place of the wanted one.
        """
        bundle, core = self.bundle_path(generation), self.packed_core(generation)
        if bundle is not None and os.path.isfile(bundle):
            return Sources(self.bundle(bundle), core)
        return Sources(bundle or generation.source, core)

    def packed_core(self, generation: WantedGeneration) -> PackedCore | None:
        """The file that brings a generation's core; None: nodes have one."""
        core = generation.core
        return PackedCore(self.place("core", core), core) if core is not None else None

    def unnamed(
        self,
        published: Published,
        also: Collection[Digest] = (),
        kinds: Iterable[What] = tuple(STATE_PLACES),
    ) -> Iterator[str]:
        """What stands here by a digest that no wanted generation names, in order.

        What parcels that are `also` needed stand for stays.

        Raises:
            UsageError: as for `refuse_led_away`.
            SpecError: a statement is no wanted state.
            OSError: the disk refused.
        """
        self.refuse_led_away()
        named = {self.place("groups", digest_of(published.plain.text))}
        parcels = set(also)
        for statement in filter(None, (published.plain, published.groups)):
            wanted = said_in(statement)
            named |= {self._signatures(statement.text), self.place("kit", wanted.kit)}
            for generation in wanted.generations:
                parcels.add(generation.parcel)
                named.add(self.bundle_path(generation) or "")
                if generation.core is not None:
                    named.add(self.place("core", generation.core))
        for parcel in parcels:
            named |= {self.place("parcel", parcel), self.place("site", parcel)}
        for folder, suffix in map(STATE_PLACES.__getitem__, kinds):
            paths = named_by_digest(f"{self.path}/{folder}", suffix)
            yield from (path for path in paths if path not in named)

    def publish(self, published: Published) -> None:
        """Write a wanted state unless it is there, and remove what it has ceased to name.

        What the disk refuses to remove, the next change of the state tries again. Groups stay for a
        while: who still sees the `wanted.json` before would take it for that of all nodes.
        """
        if self.published() == published:
            return
        self.write(published)
        with suppress(OSError):
            for path in self.unnamed(published):
                with suppress(FileNotFoundError):
                    if not self._may_be_seen(path):
                        remove_file(path)

    def _may_be_seen(self, path: str) -> bool:
        """Whether these are groups that a node may ask for: its file system shows what was."""
        is_groups = os.path.dirname(path) == os.path.dirname(self.place("groups", _ANY))
        return is_groups and time.time() - os.stat(path).st_mtime < _SEEN_SECONDS


def said_in(statement: Statement) -> WantedGroups:
    """What a statement says, whoever has signed it.

    Raises:
        SpecError: it is no wanted state.
    """
    return wanted_from_json(statement.text, statement.file)


def place_file(path: str, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file, unless it is there as it is."""
    with doing("write what nodes need", path):
        if not stands_as(path, content):
            make_folder(os.path.dirname(path))
            write_file(path, content, mode=mode)


def stands_as(path: str, content: bytes) -> bool:
    """Whether a file is there with that content."""
    return os.path.exists(path) and read_bytes(path) == content


def own_state(directory: Directory) -> StateFolder:
    """The folder of a node's own wanted state, and of the sites that were unpacked there."""
    return StateFolder(f"{directory.path}/{OWN_STATE}")


def state_of(directory: Directory, given: str | None) -> StateFolder:
    """The folder of the wanted state: the one given, else the one that the target knows.

    Raises:
        UsageError: nobody knows one.
    """
    state = StateFolder(os.path.abspath(given)) if given is not None else noted_state(directory)
    if state is None:
        raise UsageError(
            "what this node is to hold is not known: no roll-out has been here",
            where=directory.path,
            mend="name the folder of the wanted state with --state DIR",
        )
    return state


def noted_state(directory: Directory) -> StateFolder | None:
    """The folder of the wanted state that a target converges to; None: no roll-out was here."""
    location = read_location(directory.path)
    noted = location.wanted if location is not None else None
    return StateFolder(noted) if noted is not None else None


def named_by_digest(folder: str, suffix: str = "") -> list[str]:
    """The paths in a folder that are named by a digest, in order; nothing else is envc's."""
    names = (name for name in names_in(folder) if name.endswith(suffix))
    return [f"{folder}/{name}" for name in names if _HEX.fullmatch(name.removesuffix(suffix))]
