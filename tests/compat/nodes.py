"""Nodes that 0.1 rolled a site out to: processes of this machine, each with a folder of its own.

root/site, root/wheels       the site; its wanted states are signed with root/ada
root/state                   the folder that all nodes see
root/nodes/NODE/Canopy       their targets
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compat.releases import Release, answer_of
from compat.worlds import World, keep
from faults.sweep import restore
from support.sites import Answer


@dataclass(frozen=True)
class Nodes:
    """The nodes of a world; `options` go along with every roll-out."""

    world: World
    options: tuple[object, ...] = ()

    @property
    def state(self) -> Path:
        return self.world.root / "state"

    def target(self, node: str) -> Path:
        return self.world.root / "nodes" / node / "Canopy"

    @property
    def targets(self) -> tuple[object, ...]:
        return "--engine", "local", "--target", self.target("{node}")

    def roll_out(self, release: Release, nodes: str, *words: object) -> dict[str, str]:
        """Roll out, which goes well: what became of whom."""
        more = (*self.targets, *self.options, *words)
        report = release.json("rollout", "--nodes", nodes, *more)
        assert report["ok"], report
        return dict(report["sets"])

    def roll_out_without(self, release: Release, nodes: str, *down: str) -> None:
        """Roll out while some of the nodes are down: their disks cannot be had."""
        folders = [self.target(node).parent for node in down]
        there = {folder: folder.with_suffix(".off") for folder in folders if folder.exists()}
        for folder in folders:
            if folder in there:
                folder.rename(there[folder])
            folder.write_text("down\n")
        more = (*self.targets, *self.options, "--max-failures", len(down), "--json")
        report = release.envc("rollout", "--nodes", nodes, *more).json
        assert [node for node, each in report["nodes"].items() if each["state"] == "failed"] == [
            *down
        ], report
        for folder in folders:
            folder.unlink()
            if folder in there:
                there[folder].rename(folder)

    def status(self, release: Release, nodes: str) -> dict[str, Any]:
        """What each node runs; whether it is what is wanted, where a folder holds that."""
        state = ("--state", self.state) if "--state" in self.options else ()
        words = ("--nodes", nodes, *self.targets, *state, "--drift", "--json")
        return dict(release.envc("status", *words).json)

    def own(self, node: str, *words: object) -> Answer:
        """How a call of the envc that the node has ended."""
        environment = self.world.new.environment
        return answer_of([self.target(node) / "bin/envc", *words], environment=environment)

    def current(self, node: str) -> int:
        return self.world.current(self.target(node))

    def kit(self, node: str) -> Path:
        """The folder of the envc that the node calls its own."""
        return (self.target(node) / "bin/envc").resolve().parents[1]

    def has_kit_of(self, release: Release, node: str) -> bool:
        """Whether that envc is the one that this release brings."""
        return any(release.cache.glob(f"kits-*/{self.kit(node).name}.zip"))


@dataclass(frozen=True)
class KeptNodes:
    """What nodes were, to bring it back; `kits`: where each stood, and where it is kept.

    Nobody edits a kit, and it has thousands of files: one that is still there stays.
    """

    nodes: Nodes
    kept: Path
    kits: tuple[tuple[Path, Path], ...]

    @classmethod
    def of(cls, nodes: Nodes, *names: str) -> "KeptNodes":
        root = nodes.world.root
        kept, kits = keep(root), tuple((nodes.kit(name), root.with_name(name)) for name in names)
        for place, copy in kits:
            (kept / place.relative_to(root)).rename(copy)
        return cls(nodes, kept, kits)

    def put_back(self) -> Nodes:
        there = {place: copy.with_suffix(".there") for place, copy in self.kits if place.is_dir()}
        for place, aside in there.items():
            place.rename(aside)
        restore(self.nodes.world.root, self.kept)
        for place, copy in self.kits:
            if place in there:
                there[place].rename(place)
            else:
                subprocess.run(["cp", "-a", copy, place], check=True)
        return self.nodes
