"""A vendor's environment with private builds, and a site of which it is a layer."""

from pathlib import Path

from support.prefixes import install, made_older, prefix, toy, write
from support.sites import SiteFolder, over_wheels

WHEELS = (
    toy("tool", "2.0"),
    toy("tool", "3.0"),
    toy("fastnum", "2.0.0"),
    toy("fastnum", "1.26.4"),
    toy("torchlike", "2.8.0"),
    toy("torchlike", "2.9.0"),
    toy("extra", "1.0", "tool>=1"),
    toy("model", "1.0", "torchlike>=2.8,<2.9"),
    toy("newer", "1.0", "torchlike>=2.9"),
    toy("science", "2.0", "fastnum>=2"),
)
SPEC = """\
[layer.nv]
described = {{ python = "PYTHON", file = "base.nv.json" }}
stands-for = {{ torchlike = "2.8.0" }}

[layer.user]
base = "nv"
requires = ["extra"]

[overlays]
storage = "{storage}"
specs = ["overlays/*.toml"]
"""


def vendor_prefix(folder: Path) -> Path:
    """A private build of torchlike, and what was compiled against it."""
    site = prefix(folder)
    install(site, toy("fastnum", "1.26.4", compiled=True))
    install(site, toy("science", "1.0", "fastnum<2", compiled=True))
    install(site, toy("torchlike", "2.8.0a0+nv25.5", compiled=True))
    install(site, toy("vision", "1.0a0+nv", "torchlike==2.8.0a0+nv25.5", compiled=True))
    install(site, toy("tool", "1.0"))
    write(site / "loose.py", "answer = 42\n")
    made_older(site)
    return folder


def vendor_site(root: Path, wheels: Path, python: str) -> SiteFolder:
    """A site whose layer `nv` is the environment of that interpreter; `user` stands on it."""
    return SiteFolder(root, wheels).write(over_wheels(SPEC.replace("PYTHON", python)))
