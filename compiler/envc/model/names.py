"""Every name that can stand in a target directory or an overlay's folder: what it is, how it goes.

One table. What a layer may not be called, what may stand in a folder that envc takes for its own,
what `uninstall` removes, what a packed overlay makes superfluous, what `verify` and `repair`
compare: all of it is read off here.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["link", "file", "folder"]
Order = Literal["first", "then", "last"]

POLICY_FILE = "policy.json"
INPUTS_FILE = ".inputs.json"
LOCK_FILE = ".lock"
COMMAND = "bin/envc"
# What a user writes, and the overlay as one file beside it.
OVERLAY_SPEC = "overlay.toml"
PACKED = "packed.envc"
# The folder to `module use`.
MODULEFILES = "modulefiles"
# Where a node has a wanted state of its own, below its target; a shared one may stand anywhere.
OWN_STATE = "wanted"

What = Literal["core", "kit", "parcel", "bundle", "signature", "site"]

# What stands beside a wanted state, by digest: folder and suffix. A bundle is named by its index, a
# signature by the state that it is of, a site (on nodes only) by the parcel that was unpacked
# there; all else by its own bytes.
STATE_PLACES: Mapping[What, tuple[str, str]] = {
    "core": ("cores", ".tar.gz"),
    "kit": ("kits", ".zip"),
    "parcel": ("parcels", ".json"),
    "bundle": ("bundles", ".envc"),
    "signature": ("signatures", ".sig"),
    "site": ("sites", ""),
}

# Of layers, overlays and sites: they become names of files.
NAME_FORM = r"[a-z0-9][a-z0-9_-]*"
_HEX = "[0-9a-f]{64}"
_TEMPORARY = r".*\.envc-tmp"


_ON_THEIR_WAY: tuple[Kind, ...] = ("file", "link")


class Name(NamedTuple):
    """A name, or all names of a form. Each part of `path` is a regular expression.

    `leads` is what the destination of a link has to match. `goes` tells when it is removed: names
    that people use first, so that nothing new starts; what says that this is envc's own last, so
    that a run which was killed can be repeated. What is `early` may stand before any lock was
    taken: a roll-out puts it there. `packed`: a packed overlay holds it.
    """

    path: str
    kind: Kind
    what: str
    leads: str = ""
    goes: Order = "then"
    early: bool = False
    packed: bool = False

    def fits(self, path: str, kind: Kind, leads: str = "") -> bool:
        """Whether what stands at a path, a link that `leads` somewhere if it is one, is this."""
        return (
            kind == self.kind
            and self.path.count("/") == path.count("/")
            and self._begins(path)
            and (not self.leads or re.fullmatch(self.leads, leads) is not None)
        )

    def stands_in(self, folder: str) -> bool:
        """Whether it is in that folder, or deeper."""
        return self.path.count("/") > folder.count("/") and self._begins(folder)

    def _begins(self, path: str) -> bool:
        parts = zip(self.path.split("/"), path.split("/"), strict=False)
        return all(re.fullmatch(form, part) is not None for form, part in parts)


_BOTH = (
    Name(
        path="current",
        kind="link",
        leads=r"generations/\d+",
        what="the generation that people run",
        goes="first",
        packed=True,
    ),
    Name(
        path=f"by-lock/{_HEX}",
        kind="link",
        leads=r"\.\./generations/\d+",
        what="the generation that holds a closure: how overlays and jobs name a base",
        goes="first",
        packed=True,
    ),
    Name(path=r"generations/\d+", kind="folder", what="a generation", packed=True),
    Name(
        path=r"generations/\.staging-.*",
        kind="folder",
        what="a generation on its way",
        packed=True,
    ),
    Name(path=r"generations/\.trial-.*", kind="file", what="whether links work", packed=True),
    Name(
        path=rf"store/wheels/(envc-runtime-)?{_HEX}.*",
        kind="folder",
        what="an unpacked wheel, from which files are linked",
        early=True,
        packed=True,
    ),
    Name(
        path=rf"store/(manifests|plans)/{_HEX}.*",
        kind="file",
        what="the listing of a layer's tree, or what was planned",
        early=True,
        packed=True,
    ),
    Name(path="store/tmp", kind="folder", what="wheels on their way", early=True, packed=True),
    Name(path="trash", kind="folder", what="what was taken away, until it is removed", packed=True),
    Name(path="pins", kind="file", what="generations that gc keeps", packed=True),
    Name(path="audit.jsonl", kind="file", what="what happened here, a line each"),
    Name(
        path="location.toml",
        kind="file",
        what="where target, storage and wanted state are",
        goes="last",
        early=True,
    ),
    Name(
        path=re.escape(INPUTS_FILE),
        kind="file",
        what="what the generation was made from",
        packed=True,
    ),
    *(
        Name(path=path, kind=kind, what="a name on its way", early=True, packed=True)
        for path in (
            _TEMPORARY,
            f"(by-lock|bin|{MODULEFILES})/{_TEMPORARY}",
            f"{MODULEFILES}/.*/{_TEMPORARY}",
        )
        for kind in _ON_THEIR_WAY
    ),
    Name(path=r"\.store-lock", kind="file", what="held by who fills the store", goes="last"),
    Name(path=re.escape(LOCK_FILE), kind="file", what="held by who writes here", goes="last"),
)

TARGET_NAMES = (
    *_BOTH,
    Name(
        path=NAME_FORM,
        kind="link",
        leads=f"current/{NAME_FORM}",
        what="a layer, as people name it",
        goes="first",
    ),
    Name(
        path=f"{MODULEFILES}/.+/.+",
        kind="link",
        leads=r"\.\./\.\./current/.*",
        what="a layer, for `module load`",
        goes="first",
    ),
    Name(path=COMMAND, kind="link", leads=r"\.\./envc/.*", what="envc itself", early=True),
    Name(path=COMMAND, kind="file", what="envc itself", early=True),
    Name(path=r"bin/envc\..*", kind="file", what="envc on its way", early=True),
    Name(path=r"bin/envc\..*", kind="link", what="envc on its way", early=True),
    Name(path=r"envc/\.part-.*", kind="folder", what="an envc on its way", early=True),
    Name(path=rf"envc/{_HEX}.*", kind="folder", what="an unpacked envc", early=True),
    Name(
        path=f"{OWN_STATE}/({'|'.join(folder for folder, _ in STATE_PLACES.values())})",
        kind="folder",
        what="what a roll-out brought",
        early=True,
    ),
    Name(path=rf"{OWN_STATE}/.+", kind="file", what="the wanted state", early=True),
    Name(path=rf"core/{_HEX}", kind="folder", what="a carried interpreter", early=True),
    Name(path=r"core/\..*", kind="folder", what="an interpreter on its way", early=True),
    Name(path=r"core/\..*", kind="file", what="held by who brings one", early=True),
    Name(path=re.escape(POLICY_FILE), kind="file", what="what the site says about overlays"),
)

# What an overlay's folder shows beside `current`, where its tree has it.
SHOWN_OF_OVERLAYS = ("bin", "etc", "include", "lib", "lib64", "pyvenv.cfg", "share")

OVERLAY_NAMES = (
    *_BOTH,
    *(
        Name(
            path=re.escape(name),
            kind="link",
            leads=f"current/{re.escape(name)}",
            what="the overlay's tree, as people name it",
            goes="first",
            packed=True,
        )
        for name in SHOWN_OF_OVERLAYS
    ),
    Name(
        path=f"{MODULEFILES}/.+",
        kind="link",
        leads=r"\.\./current/.*",
        what="the overlay, for `module load`",
        goes="first",
        packed=True,
    ),
)

# Beside a generation's trees; an overlay's tree is its generation.
GENERATION_NAMES = frozenset({"manifest.json", "manifests", "site", ".lease"})

_PLAIN = re.compile(NAME_FORM)
# A layer of such a name would take its place, in a target or in a generation.
TAKEN_NAMES = frozenset(
    first
    for path in (*(name.path for name in TARGET_NAMES), *GENERATION_NAMES)
    if _PLAIN.fullmatch(first := path.partition("/")[0])
)
# What may stand in a folder that is to become a target: a file system's own, and where it is.
HARMLESS_NAMES = frozenset({"lost+found", ".snapshot", "location.toml"})


def lock_file_name(layer: str) -> str:
    """The name of a layer's lock file."""
    return f"pylock.{layer}.toml"


def site_packages_of(python: str) -> str:
    """The path of site-packages in a tree for that X.Y."""
    return f"lib/python{python}/site-packages"
