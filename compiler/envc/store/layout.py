"""Where a wheel's files stand in an environment: path in the wheel → path below the root."""

import re
from collections.abc import Iterable
from typing import Literal

from envc.model.generation import MODULEFILE, TCL_MODULEFILE
from envc.model.names import site_packages_of
from envc.model.value import value
from envc.store.dist_info import INSTALLER_FILES, SIGNATURE_FILES, Identity
from envc.store.names import name_problem
from envc.store.refusal import Problem

Kind = Literal["file", "executable", "script"]

# Interpreters and what activates an environment are envc's to make. `python-argcomplete-check` or
# `activate-global-python-argcomplete` are names like any other.
_RESERVED_COMMAND = re.compile(
    r"python[0-9.]*[tw]?|(?:de)?activate(?:\..*)?|envc(?:[-_.].*)?", re.IGNORECASE
)
# What stands beside the folders of a tree: in an overlay, the tree's root is the generation's.
_RESERVED_ROOTS = frozenset(
    {"pyvenv.cfg", ".lease", "manifest.json", MODULEFILE, TCL_MODULEFILE, "site", "lib64"}
)
_RESERVED_PREFIX = "_envc_"
_OWN_PROJECT = "envc"

_LIBRARY = re.compile(r"lib/python[^/]*(?:/|$)")
_METADATA_FOLDER = re.compile(r"[^/]+\.(?:dist-info|egg-info)(?:/|$)", re.IGNORECASE)


@value
class Placement:
    """Where one file goes. A `script` may need a new first line."""

    path: str
    kind: Kind


@value
class Layout:
    """The rules for one wheel on one X.Y."""

    identity: Identity
    python: str

    @property
    def site_packages(self) -> str:
        """The folder on `sys.path`, relative to the root."""
        return site_packages_of(self.python)

    @property
    def dist_info(self) -> str:
        """The installed `.dist-info` folder."""
        return f"{self.site_packages}/{self.identity.dist_info}"

    def place(self, member: str) -> Placement | str | None:
        """Where a member goes; None: nowhere, it is dropped; a text: why it is refused.

        RECORD is dropped (it is written anew), so are signatures of it, and what the wheel brings
        along in `__pycache__`: foreign code that nobody could read, and known projects do it.
        """
        if member == self.identity.file("RECORD"):
            return None
        folder, _, rest = member.partition("/")
        if folder.endswith(".data") and rest:
            return self._place_data(folder, rest)
        return self._place_library(member)

    def places(self, members: Iterable[str]) -> tuple[dict[str, Placement], list[Problem]]:
        """Where these members go, those that are dropped left out; and why others are refused."""
        placed: dict[str, Placement] = {}
        problems: list[Problem] = []
        for member in members:
            place = self.place(member)
            if isinstance(place, str):
                problems.append(Problem(member, place))
            elif place is not None:
                placed[member] = place
        return placed, problems

    def command_problem(self, name: str) -> str | None:
        """Why a script may not have that name, or None."""
        if _RESERVED_COMMAND.fullmatch(name) and self.identity.project != _OWN_PROJECT:
            return f"the command {name!r} is reserved for the environment itself"
        what = name_problem(f"bin/{name}")
        return f"of the command {name!r}: {what}" if what else None

    def _place_data(  # noqa: PLR0911 - one return a rule
        self, folder: str, rest: str
    ) -> Placement | str | None:
        if folder != self.identity.data:
            return f"its folder is not spelled as {self.identity.dist_info} is"
        key, _, path = rest.partition("/")
        if not path:
            return "it stands beside the keys of the .data folder"
        match key:
            case "purelib" | "platlib":
                return self._place_library(path)
            case "scripts":
                return self._place_elsewhere(f"bin/{path}", "script")
            case "data":
                if path.startswith(f"{self.site_packages}/"):
                    return self._place_library(path.removeprefix(f"{self.site_packages}/"))
                kind: Kind = "executable" if path.startswith("bin/") else "file"
                return self._place_elsewhere(path, kind)
            case "headers":
                path = f"include/site/python{self.python}/{self.identity.project}/{path}"
                return Placement(path, "file")
        return f"{key!r} is no key of a .data folder"

    def _place_library(  # noqa: PLR0911 - one return a rule
        self, path: str
    ) -> Placement | str | None:
        if path.startswith(_RESERVED_PREFIX):
            return f"names that begin with {_RESERVED_PREFIX!r} are reserved for envc"
        folder, _, rest = path.partition("/")
        if folder == self.identity.dist_info:
            if rest == "RECORD" or rest in INSTALLER_FILES:
                return "only an installer may write it"
            if rest in SIGNATURE_FILES:
                return None
        elif _METADATA_FOLDER.match(path):
            return "it would be the metadata of another distribution"
        parts = path.split("/")
        if path.endswith((".pyc", ".pyo")):
            # Python would run it in place of a source; beside one, ours takes its place.
            return None if "__pycache__" in parts[:-1] else "it is bytecode without a source"
        if parts[-1] == "__pycache__":
            return "a file may not stand where bytecode goes"
        return Placement(f"{self.site_packages}/{path}", "file")

    def _place_elsewhere(self, path: str, kind: Kind) -> Placement | str:
        root, _, rest = path.partition("/")
        if root in _RESERVED_ROOTS or root.startswith(_RESERVED_PREFIX):
            return f"{root!r} is reserved for the environment itself"
        if _LIBRARY.match(path):
            return "it would stand beside or outside of site-packages"
        if root == "bin":
            problem = self.command_problem(rest.partition("/")[0])
            return problem or Placement(path, kind)
        if not rest and root in ("bin", "lib", "include", "share", "etc"):
            return "it is a file where an environment has a folder"
        return Placement(path, kind)
