"""How materialize grows: with files, and with generations that are there already.

    python benchmarks/growth.py [--runs N]

Every run publishes one more generation of the sample site `sci`, which differs from the last in a
variable that the layer sets: all files are linked anew. The disk space of a generation is what
its directories, and the files that it shares with none, take.
"""

import argparse
import os
import statistics
import subprocess
from pathlib import Path

import tomlkit
from measure import ROOT, Contestant, fresh_folder, installed, save, timed

WORK = ROOT / "build" / "bench-growth"
STEPS = (1, 10, 50)


class Target:
    """A site and a target whose generations grow in number."""

    def __init__(self, binaries: Path, layers: tuple[str, ...]) -> None:
        self.envc = binaries / "envc"
        self.layers = layers
        self.site = WORK / f"site-{'-'.join(layers)}"
        self.target = WORK / "Canopy"
        self.number = 0
        self.site.mkdir(parents=True)
        self.write()
        subprocess.run([str(self.envc), "lock", "-q", "--site", str(self.site)], check=True)

    def write(self) -> None:
        """The spec, with a variable that makes the next generation another one."""
        spec = tomlkit.parse((ROOT / "fixtures/sites/sci/envc.toml").read_text())
        self.number += 1
        for name in list(spec["layer"]):
            if name not in self.layers:
                del spec["layer"][name]
            else:
                spec["layer"][name]["env"] = {"GENERATION": str(self.number)}
        (self.site / "envc.toml").write_text(tomlkit.dumps(spec))

    def publish(self) -> float:
        """The seconds that one more generation takes."""
        self.write()
        os.sync()
        command = [self.envc, "materialize", "-q", "--target", self.target]
        return timed(Contestant("envc", command, cwd=self.site))

    def newest(self) -> Path:
        return (self.target / "current").resolve()


def own_bytes(folder: Path) -> tuple[int, int]:
    """The disk space of a tree's directories, and of the files that have no other name."""
    directories = files = 0
    for parent, _, names in os.walk(folder):
        directories += os.lstat(parent).st_blocks * 512
        for name in names:
            status = os.lstat(f"{parent}/{name}")
            if status.st_nlink == 1:
                files += status.st_blocks * 512
    return directories, files


def count_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how materialize grows.")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="default: 5")
    runs = parser.parse_args().runs
    fresh_folder(WORK)
    binaries = installed(ROOT / "build" / "bench" / "venv")

    by_files = []
    for layers in (("system",), ("user",), ("system", "user")):
        target = Target(binaries, layers)
        target.publish()
        seconds = statistics.median(target.publish() for _ in range(runs))
        files = count_files(target.newest())
        by_files.append({"files": files, "seconds": seconds})
        print(f"{files:>7} files      {seconds:.3f} s   {seconds / files * 1e6:.1f} us a file")

    by_generations = []
    while True:
        present = len(list((target.target / "generations").iterdir()))
        if present >= (wanted := STEPS[len(by_generations)]):
            seconds = statistics.median(target.publish() for _ in range(runs))
            by_generations.append({"generations": wanted, "seconds": seconds})
            print(f"{wanted:>7} generations {seconds:.3f} s")
            if len(by_generations) == len(STEPS):
                break
        else:
            target.publish()

    directories, files = own_bytes(target.newest())
    print(
        f"a further generation: directories {directories / 1e6:.1f} MB, files of its own "
        f"{files / 1e6:.2f} MB"
    )
    save(
        "growth",
        {
            "site": "sci",
            "by files": by_files,
            "by generations": by_generations,
            "a further generation": {"directory bytes": directories, "own file bytes": files},
        },
    )
    fresh_folder(WORK)


if __name__ == "__main__":
    main()
