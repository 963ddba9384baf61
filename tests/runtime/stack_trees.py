"""Real trees of a small site, unpacked by hand from recipes: what materialize does, in short."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName, canonicalize_name

import envc.runtime
from envc.model.digest import digest_of, hex_of
from envc.model.manifest import PUBLISHED_MTIME_SECONDS
from envc.model.names import site_packages_of
from envc.model.python import minor_of
from envc.model.stack import Listing, Stack, StackLayer
from envc.model.wheel import ConsoleScript, WheelFacts
from envc.store.modules import module_tree
from envc.view.tree import view
from support.wheels import Recipe

RUNTIME_FOLDER = Path(envc.runtime.__file__).parent


@dataclass(frozen=True)
class Interpreter:
    """A CPython to test with, and the bytecode of the runtime's files for it."""

    executable: str
    version: str
    bytecode: Path

    @property
    def site_packages(self) -> str:
        return site_packages_of(self.version)

    @property
    def starts_in_stages(self) -> bool:
        """Whether its `site` heeds `.start` files, and goes on after a line that fails."""
        return minor_of(self.version) >= 15


def destination(member: str, site_packages: str) -> str:
    """Where a wheel's member goes in an environment."""
    folder, _, rest = member.partition("/")
    if not folder.endswith(".data"):
        return f"{site_packages}/{member}"
    key, _, path = rest.partition("/")
    return {"scripts": f"bin/{path}", "data": path}[key]


def facts_of(recipe: Recipe, version: str) -> WheelFacts:
    site_packages = site_packages_of(version)
    placed = [destination(member, site_packages) for member in recipe.members()]
    prefix = f"{site_packages}/"
    inside = [path.removeprefix(prefix) for path in placed if path.startswith(prefix)]
    others = [path for path in placed if not path.startswith(prefix)]
    scripts = {name: target.split(":") for name, target in recipe.console_scripts.items()}
    return WheelFacts(
        filename=recipe.filename,
        digest=digest_of(recipe.filename.encode()),
        size_bytes=1,
        project=canonicalize_name(recipe.name),
        version=recipe.version,
        dist_info=f"{recipe.stem}.dist-info",
        requires=tuple(recipe.requires),
        requires_python=None,
        extras=(),
        modules=module_tree(inside, version),
        console_scripts=tuple(ConsoleScript(name, *target) for name, target in scripts.items()),
        scripts=tuple(path for path in others if path.startswith("bin/")),
        start_files=tuple(
            prefix + path
            for path in inside
            if "/" not in path and (path.endswith((".pth", ".start")) or path == "sitecustomize.py")
        ),
        data_files=tuple(path for path in others if not path.startswith("bin/")),
    )


def entry_points_of(recipe: Recipe) -> tuple[NormalizedName, str]:
    text = recipe.members().get(f"{recipe.stem}.dist-info/entry_points.txt", b"")
    return canonicalize_name(recipe.name), text.decode()


@dataclass
class Disk:
    """A folder with a target directory and overlays; remembers what each layer is made of."""

    root: Path
    interpreter: Interpreter
    recipes: dict[str, tuple[Recipe, ...]] = field(default_factory=dict)

    def layer(self, name: str, *recipes: Recipe, overlay: bool = False) -> StackLayer:
        closure = digest_of(repr((name, recipes)).encode())
        self.recipes[closure] = recipes
        facts = tuple(facts_of(recipe, self.interpreter.version) for recipe in recipes)
        return StackLayer(
            name=name,
            closure=closure,
            location=str(self.root / (name if overlay else "target")),
            subdirectory="" if overlay else name,
            wheels=facts,
        )

    def publish(self, top: StackLayer, *bases: StackLayer, number: int = 1) -> Path:
        """Write the layer's tree as that generation and switch to it: the path people name."""
        stack = Stack(
            python=self.interpreter.version,
            interpreter=self.interpreter.executable,
            layers=(top, *bases),
            env=(("GREETING", "it's me"),),
            entry_points=tuple(map(entry_points_of, self.recipes[top.closure])),
            listings=tuple(
                (n, self.listing(base)) for n, base in enumerate(bases, 1) if base.masked
            ),
        )
        location = Path(top.location)
        generation = location / "generations" / f"{number:06d}"
        self.write_tree(stack, generation / top.subdirectory)
        (generation / ".lease").write_text("\n")
        (location / "by-lock").mkdir(exist_ok=True)
        name = f"../generations/{number:06d}"
        switch(location / "by-lock" / hex_of(top.closure), name)
        switch(location / "current", name.removeprefix("../"))
        for entry in [top.subdirectory] if top.subdirectory else ["bin", "lib", "pyvenv.cfg"]:
            switch(location / entry, f"current/{entry}")
        return location / top.subdirectory

    def listing(self, base: StackLayer) -> Listing:
        """What the base's projects have, as a store knows it."""
        files: dict[bool, set[str]] = {True: set(), False: set()}
        for recipe in self.recipes[base.closure]:
            members = (*recipe.members(), f"{recipe.stem}.dist-info/RECORD")
            paths = {destination(member, self.interpreter.site_packages) for member in members}
            files[canonicalize_name(recipe.name) in base.masked] |= paths
        return Listing(frozenset(files[False]), frozenset(files[True]))

    def write_tree(self, stack: Stack, tree: Path) -> None:
        site_packages = tree / self.interpreter.site_packages
        for recipe in self.recipes[stack.top.closure]:
            for member, content in recipe.members().items():
                path = destination(member, self.interpreter.site_packages)
                write(tree / path, content, 0o555 if path.startswith("bin/") else 0o444)
            rows = "".join(f"{member},,\n" for member in recipe.members())
            write(site_packages / f"{recipe.stem}.dist-info/RECORD", rows.encode(), 0o444)
        shown = view(stack)
        for file in shown.files:
            write(tree / file.path, file.content, file.mode)
        for module in shown.runtime_files:
            source = RUNTIME_FOLDER / f"{module}.py"
            write(site_packages / source.name, source.read_bytes(), 0o444)
            for compiled in self.interpreter.bytecode.glob(f"{module}.*.pyc"):
                write(site_packages / "__pycache__" / compiled.name, compiled.read_bytes(), 0o444)
        for symlink in shown.symlinks:
            path = tree / symlink.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(symlink.destination)
        for folder, _, _ in os.walk(site_packages):
            os.utime(folder, (PUBLISHED_MTIME_SECONDS, PUBLISHED_MTIME_SECONDS))


def masking(base: StackLayer, *projects: str) -> StackLayer:
    """The base as a layer above sees it that masks those projects."""
    return replace(base, masked=frozenset(map(NormalizedName, projects)))


def backport(interpreter: Interpreter) -> dict[str, Path]:
    """The folders of importlib_metadata and what it requires, by name of the module.

    The test is skipped on another Python than the one that they are installed for.
    """
    if interpreter.version != "{}.{}".format(*sys.version_info):
        pytest.skip("the backport is here for the Python that runs the tests")
    names = ("importlib_metadata", "zipp", "lazy_importer")  # the last one until Python 3.14
    specs = {name: importlib.util.find_spec(name) for name in names}
    return {
        name: Path(spec.submodule_search_locations[0])
        for name, spec in specs.items()
        if spec is not None and spec.submodule_search_locations
    }


def write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def switch(path: Path, destination: str) -> None:
    """Make the symlink, in place of the one that is there."""
    new = path.with_name(path.name + ".new")
    new.symlink_to(destination)
    new.replace(path)


def run(*command: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a bare environment."""
    return subprocess.run(
        [str(part) for part in command],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answer(tree: Path, code: str, *options: str, **environment: str) -> object:
    """What `show(value)` in the code was called with, in the tree's interpreter."""
    program = f"import json\ndef show(value): print(json.dumps(value))\n{code}"
    done = run(tree / "bin/python", *options, "-c", program, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
