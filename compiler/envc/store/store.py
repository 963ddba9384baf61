"""The store on one file system: `<root>/wheels/<store id>/{tree/,facts.json,manifest,SHA256SUMS}`.

`SHA256SUMS` has the digests of the two records, in the form that `sha256sum --check` reads; the
manifest has those of the files in `tree/`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from envc.errors import REPAIR, InternalError, OutsideError, SpecError
from envc.model.digest import Digest, digest_of, hex_of
from envc.model.manifest import FILE_MODE, Manifest, manifest_from_text
from envc.model.value import replace
from envc.ports import Reporter, SilentReporter
from envc.store import identity
from envc.store.identity import SUMS_NAME, sum_line

if TYPE_CHECKING:
    from envc.model.lock import LockedWheel
    from envc.model.wheel import WheelFacts
    from envc.store.ingest import Judge, Run

_TREE_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Store:
    """Wheels and other trees, unpacked in installed form, by store id; each complete or absent.

    `root` is made by the first write. Whoever may read it may use it; only its owner writes.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._wheels = os.path.join(root, "wheels")

    def has(self, store_id: str) -> bool:
        """Whether that tree is there; one stat."""
        return os.path.exists(f"{self._wheels}/{store_id}/manifest")

    def tree(self, store_id: str) -> str:
        """The path of the tree's root."""
        return f"{self._wheels}/{store_id}/tree"

    def manifest(self, store_id: str) -> Manifest:
        """What the tree holds.

        Raises:
            OutsideError: the store does not hold it, or it cannot be read.
            SpecError: the file is damaged.
        """
        return manifest_from_text(self.record(store_id, "manifest"))

    def layer_manifest(self, digest: Digest) -> str:
        """The path of a layer's manifest that `keep_manifest` has kept."""
        return f"{self._root}/manifests/{hex_of(digest)}"

    def keep_manifest(self, manifest: Manifest) -> None:
        """Keep a layer's manifest under its digest; generations link it.

        Raises:
            OutsideError: the disk refused.
        """
        from envc.disk.durable import disk_error, make_folder, write_file

        text = manifest.text()
        path = self.layer_manifest(digest_of(text))
        if os.path.exists(path):
            return
        try:
            make_folder(os.path.dirname(path))
            write_file(path, text, mode=FILE_MODE)
        except OSError as error:
            raise disk_error(error, "keep the manifest", path) from error

    def facts(self, store_id: str) -> WheelFacts:
        """What the wheel contains and claims. Trees that are no wheel have no facts.

        What can be imported is read off the manifest: 0.1 noted none but identifiers.

        Raises:
            OutsideError: the store does not hold it, or it cannot be read.
            SpecError: the file is damaged.
        """
        from envc.formats.facts import facts_from_json
        from envc.store.modules import installed_modules

        content = self.record(store_id, "facts.json")
        facts = facts_from_json(content, f"{self._wheels}/{store_id}/facts.json")
        return replace(facts, modules=installed_modules(self.record(store_id, "manifest")))

    def ingest(
        self,
        wheels: Sequence[tuple[str, LockedWheel]],
        *,
        python: str,
        interpreter: str,
        reporter: Reporter,
        judge: Judge | None = None,
    ) -> None:
        """Bring those wheels in that are not there yet: local path, and what the lock says.

        `judge` is shown what each of them says of itself, and may refuse it.

        `interpreter` compiles them; it must be of version `python` (X.Y). When this returns, all
        are there and on the disk; when it raises, none of the new ones is.

        Raises:
            UntrustedError: a wheel is not what the lock says, or hostile.
            OutsideError: disk trouble, or the interpreter cannot be started.
            UsageError: the interpreter is another Python.
        """
        missing = {
            name: (path, wheel)
            for path, wheel in wheels
            if not self.has(name := identity.store_id(wheel.digest, python))
        }
        if missing:
            from envc.store.ingest import ingest_wheels

            run = replace(self._run(python, interpreter, reporter), judge=judge)
            ingest_wheels(run, missing)

    def add_tree(
        self, name: str, files: Mapping[str, bytes], *, python: str, interpreter: str
    ) -> str:
        """Bring in a tree that is no wheel, unless it is there; returns its id.

        `files` are by path relative to an environment's root. Those of `bin/` are executable;
        Python sources of site-packages are compiled as a wheel's are.

        Raises:
            OutsideError, UsageError: as `ingest` does.
        """
        from envc.store.names import collisions, name_problem

        if not _TREE_NAME.fullmatch(name) or any(map(name_problem, files)) or collisions(files):
            raise InternalError(f"a tree {name!r} cannot be stored: a name in it is impossible")
        tree_id = identity.tree_id(name, files, python)
        if not self.has(tree_id):
            from envc.store.ingest import ingest_tree

            ingest_tree(self._run(python, interpreter, SilentReporter()), tree_id, files)
        return tree_id

    def _run(self, python: str, interpreter: str, reporter: Reporter) -> Run:
        from envc.store.ingest import Run

        # Absolute: compilers run in another folder.
        root = os.path.abspath(self._root)
        return Run(root=root, python=python, interpreter=interpreter, reporter=reporter)

    def record(self, store_id: str, name: str) -> bytes:
        """One of a tree's records (`manifest`, `facts.json`), as it was written.

        Raises:
            OutsideError: the store does not hold it, or it cannot be read.
            SpecError: the file is damaged.
        """
        content = self._read(store_id, name)
        sums = self._read(store_id, SUMS_NAME)
        if sum_line(name, digest_of(content)) not in sums.splitlines(keepends=True):
            raise SpecError(
                "this record of a stored tree is damaged",
                where=f"{self._wheels}/{store_id}/{name}",
                mend=REPAIR,
            )
        return content

    def _read(self, store_id: str, name: str) -> bytes:
        path = f"{self._wheels}/{store_id}/{name}"
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError as error:
            raise OutsideError(
                "the store does not hold this", where=path, mend="materialize its layer again"
            ) from error
        except OSError as error:
            from envc.disk.durable import disk_error

            raise disk_error(error, "read the store", path) from error
