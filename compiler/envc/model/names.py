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
# What stands for the generations that were removed.
GONE = "store/gone"
FILL_LOCK = ".fill-lock"
COMMAND = "bin/envc"
# What a user writes, and the overlay as one file beside it.
OVERLAY_SPEC = "overlay.toml"
PACKED = "packed.envc"
# What was found in the environment that an overlay stands on, if envc did not build that.
INVENTORY_FILE = "base.json"
INVENTORY_NAME_FORM = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}\.json"
# The layer that such an environment is to what stands on it.
DESCRIBED = "base"
# What has happened in a target, the older half first.
AUDIT_LOGS = ("audit.1.jsonl", "audit.jsonl")
# The folder to `module use`.
MODULEFILES = "modulefiles"
# Where a node has a wanted state of its own, below its target; a shared one may stand anywhere.
OWN_STATE = "wanted"

What = Literal["core", "kit", "parcel", "bundle", "groups", "signature", "site"]

# What stands beside a wanted state, by digest: folder and suffix. A bundle is named by its index, a
# signature by the state that it is of, groups by the `wanted.json` that stands for them, a site (on
# nodes only) by the parcel that was unpacked there; all else by its own bytes.
STATE_PLACES: Mapping[What, tuple[str, str]] = {
    "core": ("cores", ".tar.gz"),
    "kit": ("kits", ".zip"),
    "parcel": ("parcels", ".json"),
    "bundle": ("bundles", ".envc"),
    "groups": ("groups", ".json"),
    "signature": ("signatures", ".sig"),
    "site": ("sites", ""),
}

# Of layers, overlays and sites: they become names of files.
NAME_FORM = r"[a-z0-9][a-z0-9_-]*"
# What the lowest layers stand on: the interpreter. No layer has that name.
CORE = "core"
# What reaches nodes as envc comes; a site may name others.
ENGINES = ("local", "clustershell", "slurm")
_HEX = "[0-9a-f]{64}"
_TEMPORARY = r".*\.envc-tmp"
_ON_THEIR_WAY: tuple[Kind, ...] = ("file", "link")
_PLACES = "|".join(folder for folder, _ in STATE_PLACES.values())


class Name(NamedTuple):
    """A name, or all names of a form. Each part of `path` is a regular expression.

    `leads` is what the destination of a link has to match. `goes` tells when it is removed: names
    that people use first, so that nothing new starts; what says that this is envc's own last, so
    that a run which was killed can be repeated. What is `early` may stand before any lock was
    taken: a roll-out puts it there. `packed`: a packed overlay holds it.
    """

    path: str
    kind: Kind
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
    # The generation that people run; the one with a closure, as overlays and jobs name a base.
    Name("current", "link", leads=r"generations/\d+", goes="first", packed=True),
    Name(f"by-lock/{_HEX}", "link", leads=r"\.\./generations/\d+", goes="first", packed=True),
    # Generations, those on their way, and the file by which one is told whether links work.
    Name(r"generations/\d+", "folder", packed=True),
    Name(r"generations/\d+", "link", leads=rf"\.\./{GONE}", packed=True),
    Name(GONE, "folder", packed=True),
    Name(r"generations/\.staging-.*", "folder", packed=True),
    Name(r"generations/\.trial-.*", "file", packed=True),
    # Unpacked wheels, from which files are linked; the listings of layers' trees, and plans.
    Name(rf"store/wheels/(envc-runtime-)?{_HEX}.*", "folder", early=True, packed=True),
    Name(rf"store/(manifests|plans)/{_HEX}.*", "file", early=True, packed=True),
    Name("store/tmp", "folder", early=True, packed=True),
    # Held by who brings wheels into the store, so that others wait for what they need, too.
    Name(rf"store/{re.escape(FILL_LOCK)}", "file", early=True, packed=True),
    # What was taken away, until it is removed; generations that gc keeps; what happened here.
    Name("trash", "folder", packed=True),
    Name("pins", "file", packed=True),
    Name(r"audit(\.1)?\.jsonl", "file"),
    # Where target, storage and wanted state are; what the generation was made from.
    Name("location.toml", "file", early=True),
    Name(re.escape(INPUTS_FILE), "file", packed=True),
    # Held by who fills the store, and by who writes here.
    Name(r"\.store-lock", "file", goes="last"),
    Name(re.escape(LOCK_FILE), "file", goes="last"),
    *(
        Name(f"{folder}{_TEMPORARY}", kind, early=True, packed=True)
        for folder in ("", f"(by-lock|bin|{MODULEFILES})/", f"{MODULEFILES}/.*/")
        for kind in _ON_THEIR_WAY
    ),
)

TARGET_NAMES = (
    *_BOTH,
    # A layer, as people name it, and for `module load`.
    Name(NAME_FORM, "link", leads=f"current/{NAME_FORM}", goes="first"),
    Name(f"{MODULEFILES}/.+/.+", "link", leads=r"\.\./\.\./current/.*", goes="first"),
    # envc itself, unpacked, and on its way.
    Name(COMMAND, "link", leads=r"\.\./envc/.*", early=True),
    Name(COMMAND, "file", early=True),
    *(Name(r"bin/envc\..*", kind, early=True) for kind in _ON_THEIR_WAY),
    Name(r"envc/\.part-.*", "folder", early=True),
    Name(rf"envc/{_HEX}.*", "folder", early=True),
    # What a roll-out brought, and the wanted state.
    Name(f"{OWN_STATE}/({_PLACES})", "folder", early=True),
    Name(rf"{OWN_STATE}/.+", "file", early=True),
    # A carried interpreter; one on its way, and what is held by who brings it.
    Name(rf"core/{_HEX}", "folder", early=True),
    Name(r"core/\..*", "folder", early=True),
    Name(r"core/\..*", "file", early=True),
    # What the site says about overlays.
    Name(re.escape(POLICY_FILE), "file"),
)

# What an overlay's folder shows beside `current`, where its tree has it.
SHOWN_OF_OVERLAYS = ("bin", "etc", "include", "lib", "lib64", "pyvenv.cfg", "share")

OVERLAY_NAMES = (
    *_BOTH,
    # The overlay's tree, as people name it, and for `module load`.
    *(
        Name(name, "link", leads=f"current/{name}", goes="first", packed=True)
        for name in map(re.escape, SHOWN_OF_OVERLAYS)
    ),
    Name(f"{MODULEFILES}/.+", "link", leads=r"\.\./current/.*", goes="first", packed=True),
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


def pins_file_name(layer: str) -> str:
    """The name of the file with the pins that a layer's first lock starts from."""
    return f"pins.{layer}.toml"


def layer_of_lock_file(name: str) -> str | None:
    """The layer whose lock is called so; None: it is no such name."""
    found = re.fullmatch(rf"pylock\.({NAME_FORM})\.toml", name)
    return found[1] if found is not None else None


def is_inventory_name(name: str) -> bool:
    """Whether the inventory of a described layer may be called so, beside a site's spec."""
    return re.fullmatch(INVENTORY_NAME_FORM, name) is not None


def site_packages_of(python: str) -> str:
    """The path of site-packages in a tree for that X.Y."""
    return f"lib/python{python}/site-packages"
