"""A site with the projects that layering breaks, and alice's overlay on it."""

from dataclasses import dataclass
from pathlib import Path

from support.sites import SiteFolder, envc
from support.wheels import Recipe

# Moves as the real backport does: it takes the place of the standard library's finder.
BACKPORT = """\
import importlib.metadata as standard
import sys

class Finder(standard.MetadataPathFinder):
    def find_spec(self, *_): return None
    def find_distributions(self, context=None):
        return standard.MetadataPathFinder.find_distributions(context or Context())

for finder in sys.meta_path:
    if getattr(finder, "__module__", "") == "_frozen_importlib_external":
        del finder.find_distributions
sys.meta_path.append(Finder())
Context = standard.DistributionFinder.Context
distributions = standard.distributions
"""

# What easy_install keeps: the folders that it names go to the front of the path.
TO_THE_FRONT = """\
import sys; sys.__plen = len(sys.path)
./old.egg
import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]; sys.path[0:0]=new
"""

EXTRA = (
    Recipe(
        name="linked",
        version="1.0",
        files={
            "linked.pth": "import sys; sys.linked = getattr(sys, 'linked', 0) + 1\nlinked_source\n",
            "linked_source/linked.py": "here = True\n",
        },
    ),
    Recipe(
        name="headers",
        version="1.0",
        files={
            "headers.py": "",
            "headers-1.0.data/data/include/headers.h": "#define HERE\n",
            "headers-1.0.data/scripts/headers-tool": "#!python\nimport sys; print(sys.prefix)\n",
            "headers-1.0.data/scripts/headers-shell": "#!/bin/sh\necho shell\n",
        },
        executables=("headers-1.0.data/scripts/headers-shell",),
    ),
    Recipe(name="importlib-metadata", version="9.0", files={"importlib_metadata.py": BACKPORT}),
    *(
        Recipe(
            name="moved",
            version=f"{number}.0",
            files={"moved/__init__.py": "", **more},
            entry_points=f"[moved.plugins]\n{name} = moved:{name}\n",
        )
        for number, name, more in ((1, "old", {"moved_old/__init__.py": ""}), (2, "new", {}))
    ),
    *(
        Recipe(
            name="suite-core",
            version=f"{number}.0",
            files={"suite/__init__.py": f"core = {number}\n"},
        )
        for number in (1, 2)
    ),
    Recipe(name="suite-extra", version="1.0", files={"suite/extra.py": "from suite import core\n"}),
    Recipe(
        name="eggs",
        version="1.0",
        files={
            "easy-install.pth": TO_THE_FRONT,
            "old.egg/egg_of_old.py": "",
            "old.egg/numpy/__init__.py": "__version__ = '0.9'\n",
        },
    ),
    Recipe(name="old-numpy-user", version="1.0", requires=("numpy<2",)),
)


@dataclass(frozen=True)
class World:
    """A site, and alice's folder: she asks for polars, which needs numpy 2."""

    site: SiteFolder
    alice: Path

    @property
    def user(self) -> Path:
        return self.site.target / "user"


def make_world(root: Path, wheels: Path) -> World:
    site = SiteFolder(root, wheels).write()
    site.edit('"pandas",', '"pandas", "linked", "headers", "importlib-metadata",')
    site.done("lock")
    site.materialize()
    alice = root / "alice"
    assert envc("overlay", "init", "--dir", alice, "--target", site.target).status == 0
    assert envc("overlay", "add", "polars", "--dir", alice).status == 0
    return World(site, alice)
