"""What a process in an overlay sees: order, masks, namespaces, metadata, start-up files."""

import sys
from ast import literal_eval
from pathlib import Path

import pytest
from stack_trees import Disk, answer, backport, masking, run

from support.wheels import Recipe

POINTS = "[envc.plugins]\n{name} = {name}:main\n"

LIST = """
from importlib.metadata import distributions, entry_points
show([sorted(d.metadata["Name"] + " " + d.version for d in distributions()),
      sorted(p.name for p in entry_points(group="envc.plugins"))])
"""
IMPORTABLE = """
import importlib.util
def there(name):
    try: return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError: return False
show([name for name in {names} if there(name)])
"""


def shown(site_packages: str, base: str) -> str:
    """Where the tree with this site-packages shows a base of which something is masked."""
    return f"{site_packages.rpartition('/')[0]}/bases/{base}"


def plugin(name: str, version: str = "1", **fields: object) -> Recipe:
    return Recipe(name=name, version=version, entry_points=POINTS.format(name=name), **fields)


@pytest.fixture
def overlay(disk: Disk):
    """An overlay with its own alpha on a base with alpha (masked), beta, hidden (masked)."""
    base = disk.layer("user", plugin("alpha"), plugin("beta"), plugin("hidden"))
    disk.publish(base)
    top = disk.layer("alice", plugin("alpha", "2"), plugin("extra"), overlay=True)
    return disk.publish(top, masking(base, "alpha", "hidden"))


def control(disk: Disk):
    """Plain layering: the overlay's tree without envc's hook, with a `.pth` that names the base."""
    base = disk.layer("user", plugin("alpha"), plugin("beta"), plugin("hidden"))
    tree = disk.publish(base)
    top = disk.publish(disk.layer("plain", plugin("alpha", "2"), plugin("extra"), overlay=True))
    folder = top / disk.interpreter.site_packages
    (folder / "+envc_stack.pth").chmod(0o644)
    (folder / "+envc_stack.pth").write_text(f"{tree / disk.interpreter.site_packages}\n")
    return top


def test_order_is_that_of_a_venv(disk: Disk):
    system = disk.layer("system", Recipe(name="one", version="1"))
    user = disk.layer("user", Recipe(name="two", version="1"), Recipe(name="three", version="1"))
    disk.publish(system)
    disk.publish(user, number=2)
    top = disk.layer("alice", overlay=True)
    tree = disk.publish(top, masking(user, "three"), system)
    mine = disk.root / "mine"
    mine.mkdir()
    path = answer(tree, "import sys; show(sys.path)", PYTHONPATH=str(mine))
    site_packages = disk.interpreter.site_packages
    own = f"{disk.root}/alice/generations/000001/{site_packages}"
    assert path[:2] == ["", str(mine)]
    assert path[-3:] == [
        own,
        shown(own, "user"),
        f"{disk.root}/target/generations/000001/system/{site_packages}",
    ]
    assert not any("site-packages" in entry for entry in path[:-3])


def test_masked_projects_are_invisible(overlay, disk: Disk):
    assert answer(overlay, LIST) == [["alpha 2", "beta 1", "extra 1"], ["alpha", "beta", "extra"]]
    names = ["alpha", "beta", "extra", "hidden", "nothing"]
    assert answer(overlay, IMPORTABLE.format(names=names)) == ["alpha", "beta", "extra"]
    code = "import alpha, beta, sys; show([alpha.__version__, beta.__file__])"
    beta = f"{disk.root}/target/generations/000001/user/{disk.interpreter.site_packages}/beta"
    assert answer(overlay, code) == ["2", f"{beta}/__init__.py"]


def test_plain_layering_shows_them(disk: Disk):
    everything = ["alpha 1", "alpha 2", "beta 1", "extra 1", "hidden 1"]
    tree = control(disk)
    assert answer(tree, LIST) == [everything, ["alpha", "beta", "extra", "hidden"]]
    assert answer(tree, IMPORTABLE.format(names=["hidden"])) == ["hidden"]


def test_isolated_mode_sees_the_same(overlay):
    assert answer(overlay, IMPORTABLE.format(names=["beta", "hidden"]), "-I") == ["beta"]


def test_a_cleared_importer_cache_changes_nothing(overlay):
    code = "import sys, importlib; sys.path_importer_cache.clear(); importlib.invalidate_caches()\n"
    names = ["alpha", "beta", "hidden"]
    assert answer(overlay, code + IMPORTABLE.format(names=names)) == ["alpha", "beta"]


def test_a_distribution_is_found_by_any_spelling_and_once(disk: Disk):
    base = disk.layer("user", plugin("Zope.Inter_Face"), plugin("hidden"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "hidden"))
    code = """
import sys
from importlib.metadata import distributions, distribution
entry = sys.path[-1]
show([distribution("zope-inter.face").version,
      len(list(distributions(name="ZOPE_inter_face"))),
      len(list(distributions(path=[entry, entry]))),
      len(list(distributions(path=sys.path[:-1])))])
"""
    assert answer(tree, code) == ["1", 1, 1, 0]


def test_the_backport_sees_the_same(overlay, disk: Disk):
    copies = disk.root / "backport"
    copies.mkdir()
    for name, folder in backport(disk.interpreter).items():
        (copies / name).symlink_to(folder)
    listing = LIST.replace("importlib.metadata", "importlib_metadata")
    code = "import importlib_metadata, importlib.metadata\n"
    expected = [["alpha 2", "beta 1", "extra 1"], ["alpha", "beta", "extra"]]
    assert answer(overlay, code + listing, PYTHONPATH=str(copies)) == expected
    assert answer(overlay, code + LIST, PYTHONPATH=str(copies)) == expected


@pytest.mark.slow
def test_pip_lists_and_checks_the_visible_projects(disk: Disk):
    base = disk.layer(
        "user",
        Recipe(name="alpha", version="1"),
        Recipe(name="beta", version="1", requires=["alpha"]),
        Recipe(name="old", version="1", requires=["alpha<2", "missing"]),
    )
    disk.publish(base)
    top = disk.layer("alice", Recipe(name="alpha", version="2"), overlay=True)
    tree = disk.publish(top, masking(base, "alpha", "old"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", tree)
    listing = run(*pip, "list", "--format", "freeze")
    assert (listing.stdout, listing.stderr) == ("alpha==2\nbeta==1\n", "")
    assert run(*pip, "check").stdout == "No broken requirements found.\n"


NAMESPACE_WALK = """
import pkgutil, ns
show(sorted(m.name for m in pkgutil.walk_packages(ns.__path__, "ns.")))
"""


def test_portions_of_namespaces_are_masked_exactly(disk: Disk):
    def portion(path: str) -> Recipe:
        name = path.removesuffix("/__init__.py").removesuffix(".py").replace("/", "-")
        return Recipe(name=name, version="1", files={path: f"here = {name!r}\n"})

    system = disk.layer("system", portion("ns/far.py"), portion("whole/one.py"))
    user = disk.layer(
        "user",
        portion("ns/seen.py"),
        portion("ns/masked.py"),
        portion("ns/deep/seen/__init__.py"),
        portion("ns/deep/masked/__init__.py"),
        portion("ns/all/near.py"),
        portion("whole/two.py"),
    )
    disk.publish(system)
    disk.publish(user, number=2)
    top = disk.layer("alice", portion("ns/own.py"), portion("ns/deep/own.py"), overlay=True)
    tree = disk.publish(top, masking(user, "ns-masked", "ns-deep-masked"), system)
    names = [
        *("ns.own", "ns.seen", "ns.masked", "ns.far", "ns.all.near", "whole.one", "whole.two"),
        *("ns.deep.own", "ns.deep.seen", "ns.deep.masked", "ns.deep.nothing"),
    ]
    seen = [name for name in names if "masked" not in name and "nothing" not in name]
    assert answer(tree, IMPORTABLE.format(names=names)) == seen
    listed = answer(tree, NAMESPACE_WALK)
    assert [name for name in listed if name.startswith("ns.")] == ["ns.far", "ns.own", "ns.seen"]
    paths = answer(tree, "import ns, ns.all; show([list(ns.__path__), list(ns.all.__path__)])")
    site_packages = disk.interpreter.site_packages
    own = f"{disk.root}/alice/generations/000001/{site_packages}"
    near = f"{disk.root}/target/generations/000002/user/{site_packages}"
    assert paths == [
        [
            f"{own}/ns",
            f"{shown(own, 'user')}/ns",
            f"{disk.root}/target/generations/000001/system/{site_packages}/ns",
        ],
        [f"{near}/ns/all"],
    ]


@pytest.mark.parametrize("hidden", [(), ("hidden",)], ids=["all", "masked"])
def test_any_name_is_imported_that_python_would_find(disk: Disk, hidden: tuple[str, ...]):
    """Compilers name their modules so; `importlib` and `runpy` take any name."""
    places = (
        *("6ec5__{}.py", "my-{}.py", "a {}.py", "2{}/__init__.py"),
        *("9ns/3-{}.py", "n-s/1/{}.py", "n-s/-/{}/__init__.py"),
    )

    def project(name: str) -> Recipe:
        files = {place.format(name): "x = 1\n" for place in places}
        return Recipe(name=name, version="1", files=files)

    base = disk.layer("user", project("seen"), project("hidden"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", project("own"), overlay=True), masking(base, *hidden))
    files = [place.format(name) for place in places for name in ("own", "seen", "hidden")]
    names = [f.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for f in files]
    code = """
import importlib
def there(name):
    try: return importlib.import_module(name).x == 1
    except ModuleNotFoundError: return False
show([name for name in NAMES if there(name)])
""".replace("NAMES", repr(names))
    assert answer(tree, code) == [name for name in names if not name.endswith(hidden)]
    done = run(tree / "bin/python", "-m", "my-seen")
    assert (done.returncode, done.stderr) == (0, "")


def test_walking_all_modules_shows_the_visible_ones(overlay):
    code = """
import pkgutil, sys
entries = [e for e in sys.path if "site-packages" in e or "/bases/" in e]
names = {found.name: found.ispkg for found in pkgutil.walk_packages(entries)}
show({name: names.get(name) for name in ("alpha", "beta", "extra", "hidden")})
"""
    seen = {"alpha": True, "beta": True, "extra": True, "hidden": None}
    assert answer(overlay, code) == seen


def test_resources_of_inherited_packages_are_read(disk: Disk):
    files = {"data/__init__.py": "", "data/words.txt": "hello", "data/more/words.txt": "there"}
    base = disk.layer("user", Recipe(name="data", version="1", files=files), plugin("hidden"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, "hidden"))
    code = """
from importlib.resources import files
show([files("data").joinpath("words.txt").read_text(),
      files("data").joinpath("more", "words.txt").read_text()])
"""
    assert answer(tree, code) == ["hello", "there"]


COUNT = "import sys; sys.runs = getattr(sys, 'runs', []) + [{name!r}]\n"
LEGACY = (
    "import sys, os, importlib.util, importlib.machinery;"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], 'old');"
    "m = sys.modules.setdefault('old', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('old', [os.path.dirname(p)])));"
    "(p not in m.__path__) and m.__path__.append(p)\n"
)


def started(name: str, text: str, **files: str) -> Recipe:
    return Recipe(
        name=name, version="1", files={f"{name}.pth": COUNT.format(name=name) + text, **files}
    )


@pytest.mark.parametrize("hidden", [(), ("hidden",)], ids=["all", "masked"])
def test_site_names_the_folders_of_the_stack(disk: Disk, hidden: tuple[str, ...]):
    """Who looks for libraries or headers of projects asks it."""
    started = {"start.pth": "import sys; sys.started = getattr(sys, 'started', 0) + 1\n"}
    base = disk.layer(
        "user",
        Recipe(name="seen", version="1", files=started),
        Recipe(name="hidden", version="1"),
    )
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), masking(base, *hidden))
    code = "import site, sys; g = site.getsitepackages; show([g(), g(['/x']), sys.started])"
    folders, others, times = answer(tree, code)
    generations = ("alice/generations/000001", "target/generations/000001/user")
    named = [f"{disk.root}/{name}/{disk.interpreter.site_packages}" for name in generations]
    named[1] = shown(named[0], "user") if hidden else named[1]
    assert [folder for folder in folders if folder in named] == named
    assert (set(others).isdisjoint(named), times) == (True, 1)


@pytest.mark.parametrize("hidden", [(), ("plain",)], ids=["", "masked"])
def test_sysconfig_names_a_scheme_for_each_base(disk: Disk, hidden: tuple[str, ...]):
    """By the schemes, coverage tells others' code from a person's own."""
    system = disk.layer("system", Recipe(name="common", version="1"))
    base = disk.layer("user", Recipe(name="plain", version="1"), Recipe(name="rest", version="1"))
    disk.publish(system)
    disk.publish(base, system)
    top = disk.layer("alice", Recipe(name="own", version="1"), overlay=True)
    tree = disk.publish(top, masking(base, *hidden), system)
    code = (
        "import sysconfig, rest, common\n"
        "paths = [sysconfig.get_paths(n) for n in sysconfig.get_scheme_names() if 'base' in n]\n"
        "show([[p['purelib'], p['platlib'], p['scripts']] for p in paths]"
        " + [rest.__file__, common.__file__, len(paths[0])])"
    )
    *found, rest, common, keys = answer(tree, code)
    for (purelib, platlib, scripts), origin in zip(found, (rest, common), strict=True):
        assert purelib == platlib
        assert origin.startswith(f"{purelib}/")
        assert scripts == f"{Path(purelib).parents[2]}/bin"
    assert keys == len(answer(tree, "import sysconfig; show(list(sysconfig.get_paths()))"))


def test_start_up_files_run_once_in_order_of_name(disk: Disk):
    base = disk.layer(
        "user",
        started("zeta", "zeta_folder\n# comment\n\n", **{"zeta_folder/deep.py": ""}),
        started("beta", ""),
        started("hidden", "hidden_folder\n", **{"hidden_folder/secret.py": ""}),
        Recipe(
            name="old-one", version="1", files={"old_one-nspkg.pth": LEGACY, "old/one.py": "x = 1"}
        ),
        Recipe(name="old-two", version="1", files={"old/two.py": "x = 2"}),
    )
    disk.publish(base)
    mine = disk.root / "mine"
    mine.mkdir()
    own = {"own.pth": COUNT.format(name="own") + f"own_folder\n{mine}\n", "own_folder/near.py": ""}
    top = disk.layer("alice", Recipe(name="own", version="1", files=own), overlay=True)
    tree = disk.publish(top, masking(base, "hidden", "old-two"))
    runs, path = answer(tree, "import sys; show([sys.runs, sys.path])")
    assert runs == ["beta", "zeta", "own"]
    site_packages = disk.interpreter.site_packages
    folder = f"{disk.root}/alice/generations/000001/{site_packages}"
    near = f"{disk.root}/target/generations/000001/user/{site_packages}"
    assert path[-5:] == [
        folder,
        f"{folder}/own_folder",
        str(mine),
        shown(folder, "user"),
        f"{near}/zeta_folder",
    ]
    assert answer(tree, IMPORTABLE.format(names=["old.one", "old.two", "secret"])) == ["old.one"]


# What easy_install writes: the folders that its file adds go to the front of the path.
TO_THE_FRONT = """\
import sys; sys.__plen = len(sys.path)
./old.egg
import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]; sys.path[0:0]=new
"""


def test_start_up_files_of_a_base_put_nothing_before_the_overlay(disk: Disk):
    system = disk.layer("system", plugin("far"))
    disk.publish(system)
    files = {"easy-install.pth": TO_THE_FRONT, "old.egg/own.py": "", "old.egg/json.py": ""}
    user = disk.layer("user", Recipe(name="eggs", version="1", files=files))
    disk.publish(user, system)
    top = disk.layer("alice", Recipe(name="own", version="1"), overlay=True)
    folder = f"{disk.root}/target/generations/000001/{{}}/{disk.interpreter.site_packages}"
    near, far = folder.format("user"), folder.format("system")
    own = f"{disk.root}/alice/generations/{{:06d}}/{disk.interpreter.site_packages}"
    stacks = ((user,), (user, system), (user, masking(system, "far")))
    for number, bases in enumerate(stacks, 1):
        tree = disk.publish(top, *bases, number=number)
        path = answer(tree, "import sys; show(sys.path)")
        place = path.index(own.format(number))
        seen = shown(path[place], "system")
        below = [seen if base.masked else far for base in bases[1:]]
        assert path[place + 1 :] == [near, f"{near}/old.egg", *below]


def test_start_up_files_of_the_overlay_do_not_move_its_bases(disk: Disk):
    user = disk.layer("user", plugin("near"))
    disk.publish(user)
    files = {
        "easy-install.pth": TO_THE_FRONT,
        "old.egg/json.py": "",
        "first.pth": "import sys; sys.path.insert(0, '/first')\n",
    }
    eggs = Recipe(name="eggs", version="1", files=files)
    tree = disk.publish(disk.layer("alice", eggs, overlay=True), user)
    path = answer(tree, "import sys; show(sys.path)")
    own = f"{disk.root}/alice/generations/000001/{disk.interpreter.site_packages}"
    near = f"{disk.root}/target/generations/000001/user/{disk.interpreter.site_packages}"
    assert "/first" in path[:2]  # as in any venv
    assert path[path.index(own) :] == [own, f"{own}/old.egg", near]


def test_a_broken_start_up_file_is_reported_and_passed_over(disk: Disk):
    base = disk.layer("user", started("beta", "import nothing_there\nimport sys; sys.late = 1\n"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), base)
    done = run(tree / "bin/python", "-c", "import sys; print(hasattr(sys, 'late'))")
    where = f"{disk.root}/target/generations/000001/user/{disk.interpreter.site_packages}/beta.pth"
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (0, f"{disk.interpreter.starts_in_stages}\n")
    assert lines[0] == f"Error processing line 2 of {where}:"
    rest = [] if disk.interpreter.starts_in_stages else ["", "Remainder of file ignored"]
    assert (
        lines[lines.index("  ModuleNotFoundError: No module named 'nothing_there'") + 1 :] == rest
    )


def test_a_base_without_masks_is_an_ordinary_directory(disk: Disk):
    base = disk.layer("user", plugin("alpha"), plugin("beta"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", plugin("extra"), overlay=True), base)
    assert answer(tree, LIST) == [["alpha 1", "beta 1", "extra 1"], ["alpha", "beta", "extra"]]
    code = "import sys; show([sys.path[-1], [type(f).__name__ for f in sys.meta_path]])"
    entry, finders = answer(tree, code)
    folder = f"{disk.root}/target/generations/000001/user/{disk.interpreter.site_packages}"
    assert (entry, "MaskedDistributions" in finders) == (folder, False)


def test_overlays_stand_on_overlays(disk: Disk):
    user = disk.layer("user", plugin("alpha"), plugin("beta"), plugin("gamma"))
    disk.publish(user)
    group = disk.layer("group", plugin("beta", "2"), plugin("delta"), overlay=True)
    disk.publish(group, masking(user, "beta"))
    alice = disk.layer("alice", plugin("delta", "2"), overlay=True)
    tree = disk.publish(alice, masking(group, "delta"), masking(user, "beta", "gamma"))
    assert answer(tree, LIST) == [["alpha 1", "beta 2", "delta 2"], ["alpha", "beta", "delta"]]
    assert answer(tree, IMPORTABLE.format(names=["beta", "delta", "gamma"])) == ["beta", "delta"]


def test_what_pip_installs_by_hand_is_seen(overlay, disk: Disk):
    folder = overlay / disk.interpreter.site_packages
    (folder / "byhand.py").write_text("x = 1\n")
    assert answer(overlay, IMPORTABLE.format(names=["byhand", "beta"])) == ["byhand", "beta"]


def test_metadata_of_what_pip_installs_by_hand_is_seen(overlay, disk: Disk):
    code = f"""
import importlib, importlib.metadata as m, sys
from pathlib import Path
def seen(**which): return sorted(d.name for d in m.distributions(**which))
first = [seen(), seen(name="extra"), seen(path=[sys.path[-1]]), seen(path=[])]
late = Path({str(overlay / disk.interpreter.site_packages)!r}, "late-1.dist-info")
late.mkdir()
(late / "METADATA").write_text("Metadata-Version: 2.1\\nName: late\\nVersion: 1\\n")
importlib.invalidate_caches()
show([*first, seen(), seen(name="late")])
"""
    stack = ["alpha", "beta", "extra"]
    assert answer(overlay, code) == [stack, ["extra"], ["beta"], [], [*stack, "late"], ["late"]]
    assert answer(overlay, "import importlib.metadata as m; show(m.version('late'))") == "1"


def test_what_is_written_while_the_process_runs_is_seen(overlay, disk: Disk):
    code = f"""
import importlib
from pathlib import Path
Path({str(overlay / disk.interpreter.site_packages)!r}, "late.py").write_text("x = 1")
importlib.invalidate_caches()
import late
show(late.x)
"""
    assert answer(overlay, code) == 1


NOTE = "import sys; sys.runs = [*getattr(sys, 'runs', []), {!r}]\n"


def staged(name: str) -> Recipe:
    """What starts in stages from Python 3.15 on: folders, lines, functions (PEP 829)."""
    files = {
        f"{name}_a.pth": f"import {name}_inside  # in the folder that the next file names\n",
        f"{name}_b.pth": f"import no_such_module\n{name}_folder\n" + NOTE.format(f"{name} line"),
        f"{name}_c.pth": NOTE.format("not where there is a .start file"),
        f"{name}_c.start": f"# comment\n{name}:main\n{name}:nothing\n{name}:Group.main\n",
        f"{name}.py": f"def main(): {NOTE.format(f'{name} main')}"
        f"class Group:\n  @staticmethod\n  def main(): {NOTE.format(f'{name} group')}",
        f"{name}_folder/{name}_inside.py": NOTE.format(f"{name} inside"),
    }
    return Recipe(name=name, version="1", files=files)


def ran_in_stages(name: str) -> list[str]:
    return [f"{name} {part}" for part in ("inside", "line", "main", "group")]


def test_start_up_files_are_run_in_stages(disk: Disk):
    tree = disk.publish(disk.layer("user", staged("near")))
    folder = f"{tree.resolve()}/{disk.interpreter.site_packages}"
    program = f"""
import os, sys
from types import SimpleNamespace
sys.path.append({folder!r})
from _envc_start_files import run_start_files
names = sorted(name for name in os.listdir({folder!r}) if name.startswith("near_"))
layer = SimpleNamespace(
    folder={folder!r}, entry={folder!r}, start_files=names, identity=()
)
run_start_files([layer], staged=True)
print(sys.runs)
"""
    done = run(tree / "bin/python", "-S", "-c", program)
    said = done.stderr.splitlines()
    assert done.stdout == f"{ran_in_stages('near')}\n"
    assert [line for line in said if not line.startswith("  ")] == [
        *(f"Error processing line 1 of {folder}/near_b.pth:", ""),
        *(f"Error processing line 3 of {folder}/near_c.start:", ""),
    ]
    assert said[-1] == "  AttributeError: module 'near' has no attribute 'nothing'"


def test_a_stack_starts_in_stages_from_python_3_15_on(disk: Disk):
    if not disk.interpreter.starts_in_stages:
        pytest.skip("it knows no .start files")
    base = disk.layer("user", staged("near"))
    disk.publish(base)
    nspkg = Recipe(name="o", version="1", files={"old_one-nspkg.pth": LEGACY, "old/one.py": ""})
    tree = disk.publish(disk.layer("alice", staged("own"), nspkg, overlay=True), base)
    code = "import sys, old.one; print([sys.runs, old.one.__file__, sys.path[-4:]])"
    runs, file, path = literal_eval(run(tree / "bin/python", "-c", code).stdout)
    assert runs == ran_in_stages("near") + ran_in_stages("own")
    own = f"{tree.resolve()}/generations/000001/{disk.interpreter.site_packages}"
    near = f"{disk.root}/target/generations/000001/user/{disk.interpreter.site_packages}"
    assert file == f"{own}/old/one.py"
    assert path == [own, f"{own}/own_folder", near, f"{near}/near_folder"]
