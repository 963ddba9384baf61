"""What a stack shows, pass by pass: texts in full."""

from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name

from envc.errors import UsageError
from envc.formats.scripts import entry_point_script
from envc.model.digest import digest_of, hex_of
from envc.model.plan import MakeSymlink, View, WriteFile
from envc.model.stack import Stack, StackLayer
from envc.model.wheel import ConsoleScript, ModuleTree, WheelFacts
from envc.view.tree import view

SITE_PACKAGES = "lib/python3.11/site-packages"
CLOSURE = digest_of(b"user")
ALICE = digest_of(b"alice")
BY_LOCK = f"/opt/site/by-lock/{hex_of(CLOSURE)}/user"


def wheel(project: str, modules: "ModuleTree | None" = None, **fields: object) -> WheelFacts:
    facts = WheelFacts(
        filename=f"{project}-1-py3-none-any.whl",
        digest=digest_of(project.encode()),
        size_bytes=1,
        project=canonicalize_name(project),
        version="1",
        dist_info=f"{project}-1.dist-info",
        requires=(),
        requires_python=None,
        extras=(),
        modules={project: "package"} if modules is None else modules,
        console_scripts=(),
        scripts=(),
        start_files=(),
        data_files=(),
    )
    return replace(facts, **fields)


def common(*wheels: WheelFacts, masked: tuple[str, ...] = ()) -> StackLayer:
    return StackLayer(
        name="user",
        closure=CLOSURE,
        location="/opt/site",
        subdirectory="user",
        wheels=wheels,
        masked=frozenset(map(canonicalize_name, masked)),
    )


def overlay(*wheels: WheelFacts) -> StackLayer:
    return StackLayer(
        name="alice",
        closure=ALICE,
        location="/shared/alice",
        subdirectory="",
        wheels=wheels,
    )


def shown(*layers: StackLayer) -> View:
    return view(Stack(python="3.11", interpreter="/usr/bin/python3.11", layers=layers))


def text(found: View, path: str) -> str:
    (content,) = (file.content for file in found.files if file.path == path)
    return content.decode()


def links(found: View, folder: str) -> dict[str, str]:
    return {s.path: s.destination for s in found.symlinks if s.path.startswith(folder)}


def test_a_common_layer_is_a_virtual_environment_with_a_hook():
    found = shown(common(wheel("numpy")))
    assert [(file.path, oct(file.mode)) for file in found.files] == [
        ("bin/activate", "0o444"),
        (f"{SITE_PACKAGES}/+envc_stack.pth", "0o444"),
        (f"{SITE_PACKAGES}/_envc_stack.txt", "0o444"),
        ("modulefile.lua", "0o444"),
        ("modulefile.tcl", "0o444"),
        ("pyvenv.cfg", "0o444"),
    ]
    assert found.symlinks == (
        MakeSymlink("bin/python", "/usr/bin/python3.11"),
        MakeSymlink("bin/python3", "python"),
        MakeSymlink("bin/python3.11", "python"),
        MakeSymlink("lib64", "lib"),
    )
    assert found.runtime_files == (
        *("_envc_adapters", "_envc_described", "_envc_finders", "_envc_lock", "_envc_refusals"),
        *("_envc_resources", "_envc_stack", "_envc_start", "_envc_start_files", "_envc_venv"),
    )
    assert text(found, "pyvenv.cfg") == (
        "home = /usr/bin\ninclude-system-site-packages = false\n"
        "prompt = user\nversion_info = 3.11.0\nversion = 3.11\n"
    )
    line = text(found, f"{SITE_PACKAGES}/+envc_stack.pth")
    assert line.startswith("import sys; exec('import sys\\ntry:\\n")
    assert line.endswith("_envc_start.start()\\n')\n")
    assert line.count("\n") == 1
    assert text(found, f"{SITE_PACKAGES}/_envc_stack.txt") == (
        f"envc-stack\t2\ncore\tcpython\t3.11\nlayer\tuser\tuser\t315532800\t{CLOSURE}\n"
    )


@pytest.mark.parametrize(
    ("python", "names"), [("3.17", ["+envc_stack.pth"]), ("3.18", ["+envc_stack.start"])]
)
def test_the_hook_is_started_as_the_core_allows(python, names):
    stack = Stack(python=python, interpreter="/usr/bin/python", layers=(common(wheel("numpy")),))
    found = [file for file in view(stack).files if "+envc_stack" in file.path]
    assert [file.path.rpartition("/")[2] for file in found] == names
    assert b"_envc_start" in found[0].content


def test_nothing_of_a_common_layer_depends_on_its_place():
    layers = (
        common(wheel("top")),
        replace(common(wheel("numpy", data_files=("share/x",))), subdirectory="base", name="base"),
    )
    moved = tuple(replace(layer, location="/elsewhere") for layer in layers)
    assert shown(*layers) == shown(*moved)
    assert links(shown(*layers), "share") == {
        "share": f"../../../by-lock/{hex_of(CLOSURE)}/base/share"
    }


def test_an_overlay_names_its_base_by_digest():
    found = shown(overlay(), common(wheel("numpy")))
    assert text(found, "pyvenv.cfg") == (
        "home = /usr/bin\ninclude-system-site-packages = false\n"
        "prompt = alice\nversion_info = 3.11.0\nversion = 3.11\n"
        f"extends-environment = {BY_LOCK}\n"
    )


def test_a_common_layer_is_loaded_by_its_own_place():
    stack = Stack(
        python="3.11",
        interpreter="/usr/bin/python3.11",
        layers=(common(wheel("numpy")),),
        env=(("A", 'a "b" \\'), ("B", "é\t"), ("C", "a\nid")),
        modules=("gcc/12", "openmpi/4.1"),
    )
    assert (
        text(view(stack), "modulefile.lua")
        == f"""\
-- Written by envc. `module use` the folder `modulefiles` that leads here, not this one.
whatis("Description: the Python layer user")
whatis("Version: {CLOSURE}")
help("Python 3.11 with what layer user installs, by envc.")
family("envc")
depends_on("gcc/12")
depends_on("openmpi/4.1")

local root = myFileName():match("^(.*)/modulefiles/")
local tree = pathJoin(root, "user")
local target = root
prepend_path("PATH", pathJoin(tree, "bin"))
append_path("PATH", pathJoin(target, "bin"))
setenv("VIRTUAL_ENV", tree)
setenv("ENVC_TARGET", target)
setenv("ENVC_LOCK", "{CLOSURE}")
unsetenv("PYTHONHOME")
pushenv("A", "a \\"b\\" \\\\")
pushenv("B", "é\\009")
LmodWarning("C is not set: its value has a line break, which Lmod cannot hand on")
"""
    )


def test_an_overlay_is_loaded_on_its_base():
    found = text(shown(overlay(wheel("polars")), common(wheel("numpy"))), "modulefile.lua")
    assert "local tree = root\n" in found
    assert 'local target = "/opt/site"\n' in found
    assert f'setenv("ENVC_LOCK", "{CLOSURE}")\n' in found


def test_the_data_file_lists_what_is_visible():
    start_files = tuple(
        f"{SITE_PACKAGES}/{name}" for name in ("b.pth", "a.pth", "sitecustomize.py")
    )
    base = common(
        wheel(
            "visible", {"ns": {"seen": "module"}, "own": {"x": "module"}}, start_files=start_files
        ),
        wheel("gone", {"ns": {"gone": "module"}, "gone": "package"}, start_files=("c.pth",)),
        masked=("gone",),
    )
    found = shown(overlay(wheel("extra")), base)
    assert text(found, f"{SITE_PACKAGES}/_envc_stack.txt") == (
        "envc-stack\t2\n"
        "core\tcpython\t3.11\n"
        f"layer\talice\t\t315532800\t{ALICE}\n"
        "names\t_envc_adapters\t_envc_described\t_envc_finders\t_envc_lock\t_envc_refusals\t"
        "_envc_resources\t_envc_stack\t_envc_start\t_envc_start_files\t_envc_venv\textra\n"
        "distributions\textra\textra-1.dist-info\n"
        f"base\tuser\tmasked\t{CLOSURE}\t/opt/site\tuser\n"
        "names\tns.seen\town\n"
        "namespaces\tns\n"
        "start\ta.pth\tb.pth\n"
        "folder\tlib/python3.11/bases/user\n"
        "distributions\tvisible\tvisible-1.dist-info\n"
    )


def test_entry_points_are_listed_where_a_line_can_hold_them():
    points = {
        "two": "[console_scripts]\ntwo = two:main\r\n\n[own.group]\nx = y",
        "none": "",
        "odd": "[group]\nx =\ty\n",
    }
    layers = (overlay(*map(wheel, points)), common())
    stack = Stack(
        python="3.11",
        interpreter="/usr/bin/python3.11",
        layers=layers,
        entry_points=tuple((canonicalize_name(name), text) for name, text in points.items()),
    )
    records = text(view(stack), f"{SITE_PACKAGES}/_envc_stack.txt").splitlines()
    assert [record for record in records if record.startswith("points")] == [
        "points\tnone",
        "points\ttwo\t[console_scripts]\ttwo = two:main\t\t[own.group]\tx = y",
    ]


def test_a_base_that_only_names_a_mask_it_does_not_hold_is_all_visible():
    found = shown(overlay(), common(wheel("numpy"), masked=("scipy",)))
    base = text(found, f"{SITE_PACKAGES}/_envc_stack.txt").splitlines()[4:]
    assert base == [f"base\tuser\tall\t{CLOSURE}\t/opt/site\tuser", "names\tnumpy"]


def test_inherited_commands_are_rebound_and_own_ones_win():
    tool = ConsoleScript("tool", "tool.main", "run")
    base = common(
        wheel("tool", console_scripts=(tool, ConsoleScript("mine", "tool", "mine"))),
        wheel("shell", scripts=("bin/shell", "bin/own", "bin/activate")),
        wheel("gone", console_scripts=(ConsoleScript("gone", "gone", "main"),)),
        masked=("gone",),
    )
    own = wheel("own", console_scripts=(ConsoleScript("mine", "own", "m"),), scripts=("bin/own",))
    found = shown(overlay(own), base)
    commands = [f for f in found.files if f.path.startswith("bin/") and f.path != "bin/activate"]
    assert commands == [
        WriteFile("bin/mine", entry_point_script(ConsoleScript("mine", "own", "m")), 0o555),
        WriteFile("bin/tool", entry_point_script(tool), 0o555),
    ]
    assert found.instead == {"bin/mine"}
    assert links(found, "bin/s") == {"bin/shell": f"{BY_LOCK}/bin/shell"}
    assert not {"bin/activate", "bin/own"} & links(found, "bin/").keys()


def test_inherited_python_scripts_are_the_same_text_in_the_layers_own_folder():
    text = b"#!/bin/sh\ntext"
    base = common(
        wheel("tool", scripts=("bin/tool", "bin/binary", "bin/own")),
        wheel("gone", scripts=("bin/gone",)),
        masked=("gone",),
    )
    scripts = tuple((f"bin/{name}", text) for name in ("gone", "own", "tool"))
    found = shown(
        overlay(wheel("own", scripts=("bin/own",))), replace(base, python_scripts=scripts)
    )
    files = [f for f in found.files if f.path.startswith("bin/") and f.path != "bin/activate"]
    assert files == [WriteFile("bin/tool", text, 0o555)]
    assert links(found, "bin/b") == {"bin/binary": f"{BY_LOCK}/bin/binary"}


def test_of_one_command_in_two_bases_that_of_the_nearer_is_there_once():
    near, far = (
        common(
            wheel(
                project,
                console_scripts=(ConsoleScript("tool", project, "main"),),
                scripts=("bin/binary",),
            )
        )
        for project in ("near", "far")
    )
    far = replace(far, name="system", closure=digest_of(b"system"), subdirectory="system")
    found = shown(overlay(), near, far)
    assert "from near import main" in text(found, "bin/tool")
    binaries = [symlink for symlink in found.symlinks if symlink.path == "bin/binary"]
    assert binaries == [MakeSymlink("bin/binary", f"{BY_LOCK}/bin/binary")]


def data(project: str, *paths: str) -> WheelFacts:
    return wheel(project, data_files=paths)


@pytest.mark.parametrize(
    ("own", "base", "expected"),
    [
        pytest.param((), (data("a", "share/x/1", "etc/y"),), ["etc", "share"], id="alone"),
        pytest.param(
            (data("o", "share/x/2"),), (data("a", "share/x/1", "share/y/1"),),
            ["share/x/1", "share/y"], id="shared with the overlay",
        ),
        pytest.param(
            (), (data("a", "share/x/1", "share/y/1"), data("gone", "share/x/2", "share/z")),
            ["share/x/1", "share/y"], id="shared with a masked project",
        ),
        pytest.param((data("o", "share/x"),), (data("a", "share/x"),), [], id="own file wins"),
        pytest.param(
            (data("o", "share/x"),), (data("a", "share/x/1"),), [], id="own file over a folder"
        ),
        pytest.param((), (data("gone", "share/x"),), [], id="masked only"),
        pytest.param(
            (), (data("a", "share/x"), data("gone", "share/x")), ["share/x"], id="same path masked"
        ),
        pytest.param((), (data("a", "lib/a.so", "lib/b/c"),), ["lib/a.so", "lib/b"], id="in lib"),
    ],
)  # fmt: skip
def test_data_files_are_linked_at_the_highest_unshared_directory(own, base, expected):
    found = shown(overlay(*own), common(*base, masked=("gone",)))
    linked = {s.path: s.destination for s in found.symlinks if s.destination.startswith(BY_LOCK)}
    assert linked == {path: f"{BY_LOCK}/{path}" for path in expected}


def test_data_files_of_several_bases_are_told_apart_and_the_nearest_wins():
    near = replace(
        common(data("near", "share/x/1", "share/near/1")), subdirectory="near", name="near"
    )
    far = replace(
        common(data("far", "share/x/1", "share/x/2", "share/far/1")), subdirectory="far", name="far"
    )
    root = BY_LOCK.removesuffix("user")
    assert links(shown(overlay(), near, far), "share") == {
        "share/far": f"{root}far/share/far",
        "share/near": f"{root}near/share/near",
        "share/x/1": f"{root}near/share/x/1",
        "share/x/2": f"{root}far/share/x/2",
    }


@pytest.mark.parametrize("location", ["/opt/a\tb", "/opt/a\nb", "relative"])
def test_paths_that_no_line_can_hold_are_refused(location: str):
    with pytest.raises(UsageError) as caught:
        shown(overlay(), replace(common(), location=location))
    assert str(caught.value) == (
        f"{location!r}: a tree cannot refer to a path that is relative or not printable\n"
        "  help: name the folder by an absolute path of printable characters"
    )


def test_the_same_stack_gives_the_same_view_whatever_the_order_of_wheels():
    wheels = [
        wheel(
            name,
            console_scripts=tuple(ConsoleScript(tool, name, "main") for tool in (name, "same")),
            data_files=(f"etc/{name}",),
        )
        for name in ("b", "a", "c")
    ]
    first = shown(overlay(*wheels), common(*wheels, masked=("a",)))
    second = shown(overlay(*reversed(wheels)), common(*reversed(wheels), masked=("a",)))
    assert first == second
    assert shown(overlay(), common(*wheels)) == shown(overlay(), common(*reversed(wheels)))
