"""What a roll-out brings to nodes, and the commands that it has them run."""

import base64
import os
import pkgutil
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache

from envc.cluster.kit import Kit
from envc.core.boot import core_words
from envc.disk.cache import record_use
from envc.disk.clock import utc_text
from envc.disk.durable import doing, make_folder, replacing
from envc.errors import UsageError
from envc.fleet.answers import look_words, question_of
from envc.fleet.parcel import make_parcel
from envc.fleet.state import StateFolder, place_file
from envc.host.machine import default_interpreter
from envc.model.bundle import BundleFile, PackedCore
from envc.model.digest import Digest, hex_of
from envc.model.names import What
from envc.model.nodes import WantedGeneration
from envc.model.value import value
from envc.rollout.values import Order, RolloutOptions
from envc.sites.place import refuse_missing_source
from envc.sites.site import Site

# For hooks: it works on a node that has nothing but the interpreter.
_CONVERGE = """\
#!/bin/sh
# usage: converge TARGET [--check]
target=$1
shift
exec {boot} "$target" {kit} converge --target "$target" --state {state} "$@"
"""
# In that script, where the target will be known only when it runs.
_TARGET = "@TARGET@"


@value(kw_only=True)
class Deployment:
    """The files that nodes make a generation from, and the interpreter that they have or get.

    `files` is what is brought, in that order: kind → path here and digest. `core` is the digest of
    the archive of the interpreter that is brought; None: nodes have one at `python`. `wanted` is
    the generation. `proof` are the words that show nodes what is wanted, and who wants it.
    """

    options: RolloutOptions
    files: Mapping[What, tuple[str, Digest]]
    core: Digest | None
    python: str
    kit: Kit
    keep: int
    wanted: WantedGeneration
    proof: tuple[str, ...] = ()

    def to_bring(self, lacks: Sequence[str]) -> tuple[What, ...]:
        """What to bring where something lacks.

        Without the core or the kit, a node cannot tell what else it lacks.
        """
        names = tuple(self.files)
        blind = next((name for name in names if name in lacks and name in {"core", "kit"}), None)
        if blind is not None:
            return names[names.index(blind) :]
        return tuple(name for name in names if name in lacks)

    def place(self, what: What, node: str) -> str:
        """Where a node has it, below the folder of its wanted state."""
        return StateFolder(self.options.state_of(node)).place(what, self.files[what][1])

    def prepare_command(self, node: str) -> list[str]:
        """Has a node prepare; where it has done so, it answers without starting envc."""
        own = self.options.target_of(node) != self.options.target  # else all have one command
        words = ["node", "prepare", *(["--node", node] if own else [])]
        return [*self.look_command(node), *self._boot(node, words)]

    def look_command(self, node: str) -> list[str]:
        """Has a node say whether it has nothing to prepare, if it can at once."""
        return look_words(self.options.target_of(node), self._question(node))

    def switch_command(self, node: str, words: Sequence[str]) -> list[str]:
        """Has a node switch to what it has prepared; `words` say to what."""
        return self._boot(node, ["node", "switch", *words])

    def python_words(self, target: str, node: str, words: Sequence[str]) -> list[str]:
        """Call a node's interpreter with these words; a carried one may have to be unpacked."""
        if self.core is None:
            return [self.python, *words]
        packed = PackedCore(self.place("core", node), self.files["core"][1])
        return core_words(target, self.core, packed, self.kit.python, words)

    def kit_words(self, node: str) -> list[str]:
        """Which kit a node starts envc from."""
        return [self.place("kit", node), hex_of(self.kit.digest), self.kit.python]

    def _question(self, node: str) -> str:
        return question_of([self.kit.digest, *self._facts(node), *self.proof])

    def _facts(self, node: str) -> list[str]:
        """What is to be prepared, and where."""
        words = ["--parcel", self.wanted.parcel]
        if "bundle" in self.files:
            words += ["--bundle", self.files["bundle"][1]]
        elif self.wanted.source is not None:
            words += ["--from", self.wanted.source]
        if self.wanted.core is not None:
            words += ["--core", self.wanted.core]
        target, state = self.options.target_of(node), self.options.state_of(node)
        return [*words, "--keep", str(self.keep), "--target", target, "--state", state]

    def _boot(self, node: str, words: Sequence[str]) -> list[str]:
        """Call envc on a node that may not have it yet."""
        target = self.options.target_of(node)
        text = base64.b64encode(boot_source()).decode()
        begin = ["-I", "-S", "-c", f"exec(__import__('base64').b64decode('{text}'))"]
        order = [*self._facts(node), *self.proof, "--question", self._question(node)]
        words = [*begin, target, *self.kit_words(node), *words, *order]
        return self.python_words(target, node, words)


def deployment_of(site: Site, kit: Kit, order: Order, cache: str) -> Deployment:
    """What is brought to nodes for a site; parcels and cores are packed into the `cache`.

    Raises:
        UsageError: a lock is missing, the kit does not fit the site's core, no such source, or an
            interpreter was named for nodes of a site that carries one.
        UntrustedError: the bundle is cut off.
    """
    core, options, kept = site.spec.core, order.options, StateFolder(f"{cache}/rollouts-v1")
    if kit.python != core.python:
        raise UsageError(
            f"envc runs on Python {kit.python}, and the site's core is Python "
            f"{core.python}: nodes could not run this envc",
            where=sys.executable,
            mend=f"install envc with Python {core.python} and roll out with that one",
        )
    parcel = kept.put_parcel(make_parcel(site))
    record_use(cache, f"{cache}/rollouts-v1")
    files: dict[What, tuple[str, Digest]] = {
        "kit": (kit.path, kit.digest),
        "parcel": (kept.place("parcel", parcel), parcel),
    }
    source = options.source
    if source is not None and os.path.isfile(source):
        from envc.bundle import SiteBundle  # few roll-outs bring one

        with SiteBundle(BundleFile(source)) as bundle:
            files["bundle"] = (source, bundle.digest)
            source = StateFolder(".").place("bundle", bundle.digest)
    else:
        refuse_missing_source(source)
    if core.archive is not None:
        files = {"core": _packed_core(site, options, f"{kept.path}/cores"), **files}
    return Deployment(
        options=options,
        files=files,
        core=core.archive.digest if core.archive is not None else None,
        python=options.python or core.interpreter or default_interpreter(),
        kit=kit,
        keep=max(1, site.spec.retain.generations),
        wanted=WantedGeneration(
            closures=order.closures,
            parcel=parcel,
            source=source,
            since=utc_text(),
            core=files["core"][1] if core.archive is not None else None,
        ),
    )


def _packed_core(site: Site, options: RolloutOptions, folder: str) -> PackedCore:
    if options.python is not None:
        raise UsageError(
            "the site carries its interpreter: nodes need none of their own",
            where=f"{site.spec.file} (core.archive)",
            mend="leave --python away",
        )
    from envc.core.place import packed_core  # few sites carry one

    return packed_core(site.spec.core, site.origin, folder)


def share(deployment: Deployment, state: str, *, anew: bool = False) -> None:
    """Put what is brought where every node sees it, and `converge` for nodes without envc.

    What is there with the right size stays, unless all is to be written `anew`: nodes verify it.

    Raises:
        UsageError: a folder in there leads elsewhere.
        OutsideError: the disk refused.
    """
    StateFolder(state).refuse_led_away()
    words = deployment.python_words(_TARGET, "", ["-I", "-S", f"{state}/boot.py"])
    script = _CONVERGE.format(
        boot=shlex.join(words).replace(f" {_TARGET} ", ' "$target" ').replace(_TARGET, ""),
        kit=shlex.join(deployment.kit_words("")),
        state=shlex.quote(state),
    )
    with doing("write what nodes need", state):
        for what, (path, _) in deployment.files.items():
            _share_file(path, deployment.place(what, ""), anew=anew)
    place_file(f"{state}/boot.py", boot_source())
    place_file(f"{state}/converge", script.encode(), mode=0o755)


def _share_file(path: str, place: str, *, anew: bool) -> None:
    """Copy a file beside its place, then give it its name; it may be large."""
    if not anew and os.path.exists(place) and os.stat(place).st_size == os.stat(path).st_size:
        return
    make_folder(os.path.dirname(place))
    with replacing(place) as temporary:
        shutil.copyfile(path, temporary)


@cache
def boot_source() -> bytes:
    """The program that starts envc from a kit."""
    return pkgutil.get_data("envc.cluster", "boot.py") or b""
