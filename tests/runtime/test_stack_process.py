"""How a process keeps to its stack: generations, leases, children, refusals, cost of the start."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from shlex import quote

import pytest
from stack_trees import Disk, answer, masking, run

from envc.disk import leases
from envc.model.digest import hex_of
from support.wheels import Recipe

STAY = """
import os, sys
def switch(path, destination):
    os.symlink(destination, path + ".new")
    os.replace(path + ".new", path)
"""


def generations(disk: Disk, *, overlay: bool) -> tuple[Path, str]:
    """Two generations whose `late` says 1 and 2, the first one current; the path that is named."""
    name = "alice" if overlay else "user"
    base = disk.layer("system", Recipe(name="common", version="1"))
    bases = (base,) if overlay else ()
    if overlay:
        disk.publish(base)
    for number in (2, 1):
        layer = disk.layer(name, Recipe(name="late", version=str(number)), overlay=overlay)
        tree = disk.publish(layer, *bases, number=number)
    return tree, f"{layer.location}/current"


@pytest.mark.parametrize("overlay", [True, False], ids=["overlay", "target"])
def test_a_process_stays_on_its_generation(disk: Disk, *, overlay: bool):
    tree, current = generations(disk, overlay=overlay)
    code = STAY + (
        "import site\n"
        f"switch({current!r}, 'generations/000002')\n"
        "import late, subprocess, sysconfig\n"
        "program = 'import late, sys; print(late.__version__, sys.prefix)'\n"
        "child = subprocess.check_output([sys.executable, '-c', program], text=True)\n"
        "show([late.__version__, child.split(), sys.prefix, sys.exec_prefix, sys.executable,\n"
        "     [*{*site.PREFIXES}], sysconfig.get_path('purelib'), sys.base_prefix == sys.prefix])\n"
    )
    prefix = f"{Path(current).parent}/generations/000001" + ("" if overlay else "/user")
    assert answer(tree, code) == [
        *("1", ["1", prefix], prefix, prefix, f"{prefix}/bin/python", [prefix]),
        *(f"{prefix}/{disk.interpreter.site_packages}", False),
    ]
    fresh = answer(tree, "import late, sys; show([late.__version__, sys.prefix])")
    assert fresh == ["2", prefix.replace("000001", "000002")]


def test_a_plain_venv_does_not_stay(disk: Disk):
    tree, current = generations(disk, overlay=True)
    for number in (1, 2):
        folder = f"{tree}/generations/00000{number}/{disk.interpreter.site_packages}"
        os.remove(f"{folder}/+envc_stack.pth")
    code = f"{STAY}switch({current!r}, 'generations/000002')\nimport late; show(late.__version__)"
    assert answer(tree, code) == "2"


def test_what_is_loaded_later_is_that_of_the_generation_too(disk: Disk):
    """The start-up files themselves: those of the next generation may be another envc's."""
    tree, current = generations(disk, overlay=True)
    for file in (tree / "generations/000002").rglob("_envc_adapters*"):
        file.unlink()
    code = f"{STAY}switch({current!r}, 'generations/000002')\n"
    code += "from importlib.metadata import version; show([version('late'), version('common')])"
    assert answer(tree, code) == ["1", "1"]


def test_bytecode_that_does_not_fit_is_done_without(disk: Disk):
    base = disk.layer("system", Recipe(name="common", version="1"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", Recipe(name="own", version="1"), overlay=True), base)
    code = "import common, own, sys; show([sys.prefix, sys.flags.optimize])"
    real = f"{tree}/generations/000001"
    for options, variables, level in (
        (["-O"], {}, 1),
        ([], {"PYTHONPYCACHEPREFIX": str(disk.root / "elsewhere")}, 0),
    ):
        assert answer(tree, code, *options, **variables) == [real, level]
    bytecode = tree / disk.interpreter.site_packages / "__pycache__"
    for file in bytecode.iterdir():
        file.chmod(0o644)
        file.write_bytes(b"no bytecode")
    assert answer(tree, code, PYTHONDONTWRITEBYTECODE="1") == [real, 0]
    shutil.rmtree(bytecode)
    assert answer(tree, code, PYTHONDONTWRITEBYTECODE="1") == [real, 0]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_workers_stay_on_the_generation(disk: Disk, method: str):
    tree, current = generations(disk, overlay=True)
    program = disk.root / "program.py"
    program.write_text(
        f"{STAY}\n"
        "import multiprocessing\n"
        "def work(_):\n"
        "    import common, late\n"
        "    return late.__version__, common.__version__, sys.prefix\n"
        "if __name__ == '__main__':\n"
        f"    switch({current!r}, 'generations/000002')\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        print(*pool.map(work, [0])[0])\n"
    )
    done = run(tree / "bin/python", program)
    assert (done.stdout, done.stderr) == (f"1 1 {tree}/generations/000001\n", "")


def test_scripts_and_modules_run_in_the_stack(disk: Disk):
    files = {
        "tool/__init__.py": "",
        "tool/__main__.py": "import sys; print('main', sys.argv[1:])",
        "tool/command.py": "import sys, extra\ndef main(): print(extra.__version__, sys.prefix)\n",
        "tool-1.data/scripts/plain": "#!/bin/sh\necho plain\n",
    }
    points = {"tool": "tool.command:main"}
    base = disk.layer("user", Recipe(name="tool", version="1", files=files, console_scripts=points))
    disk.publish(base)
    top = disk.layer("alice", Recipe(name="extra", version="3"), overlay=True)
    tree = disk.publish(top, base)
    link = disk.root / "tool"
    link.symlink_to(tree / "bin/tool")
    expected = (0, f"3 {tree}/generations/000001\n", "")
    for command in (tree / "bin/tool", link):
        done = run(command)
        assert (done.returncode, done.stdout, done.stderr) == expected
    for options in (("-m",), ("-I", "-m")):
        assert run(tree / "bin/python", *options, "tool", "x").stdout == "main ['x']\n"
    code = "import runpy; runpy.run_module('tool', run_name='__main__', alter_sys=True)"
    assert run(tree / "bin/python", "-c", code, "x").stdout == "main ['x']\n"
    assert run(tree / "bin/plain").stdout == "plain\n"
    assert run(tree / f"bin/python{disk.interpreter.version}", "-m", "site").returncode == 0


CLOSE_ALL = "os.closerange(3, 256); log = open(os.devnull, 'w'); log.write('x')"


@pytest.mark.parametrize("before", ["", CLOSE_ALL], ids=["", "a daemon"])
@pytest.mark.parametrize("content", ["\n", ""], ids=["", "of 0.1"])
def test_leases_are_held_while_the_process_and_its_forks_live(
    disk: Disk, before: str, content: str
):
    tree, _ = generations(disk, overlay=True)
    leases = [
        tree / "generations/000001/.lease",
        disk.root / "target/generations/000001/.lease",
    ]
    for lease in leases:
        lease.write_text(content)
    code = (
        "import os, sys\n"
        "if os.fork(): os._exit(0)\n"  # the fork alone is left
        f"{before}\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [tree / "bin/python", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={},
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.wait()
        held = [is_held(lease) for lease in leases]
        process.stdin.close()
        assert process.stdout.read() == b""  # the fork has ended, too
    assert held == [not before or bool(content)] * 2
    assert [is_held(lease) for lease in leases] == [False, False]


def is_held(lease: Path) -> bool:
    with lease.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_leases_are_not_inherited_by_other_programs(disk: Disk):
    tree, _ = generations(disk, overlay=True)
    code = "import os; os.execv('/bin/ls', ['ls', '-l', '/proc/self/fd'])"
    assert ".lease" not in run(tree / "bin/python", "-c", code).stdout


@pytest.mark.parametrize("before", ["", CLOSE_ALL], ids=["", "a daemon"])
def test_a_lease_that_a_neighbour_has_locked_is_held_all_the_same(disk: Disk, before: str):
    tree, _ = generations(disk, overlay=True)
    lease = tree / "generations/000001/.lease"
    code = f"import os, sys\n{before}\nprint('ready', flush=True); sys.stdin.read()"
    with lease.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [tree / "bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"ready\n"
    held = leases.held([str(lease)]).paths
    process.communicate()
    assert held == {str(lease)}
    assert leases.held([str(lease)]).paths == set()


def test_a_missing_or_locked_lease_does_not_matter(disk: Disk):
    tree, _ = generations(disk, overlay=True)
    lease = tree / "generations/000001/.lease"
    with lease.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert answer(tree, "show(1)") == 1
    lease.unlink()
    assert answer(tree, "show(1)") == 1


@pytest.mark.parametrize("options", [(), ("-I",)], ids=["plain", "isolated"])
def test_a_missing_base_is_explained(disk: Disk, options: tuple[str, ...]):
    base = disk.layer("user", Recipe(name="beta", version="1"))
    disk.publish(base)
    tree = disk.publish(disk.layer("alice", overlay=True), base)
    os.remove(disk.root / "target/by-lock" / hex_of(base.closure))
    done = run(tree / "bin/python", *options, "-c", "print('never')")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"envc: {tree}/generations/000001: this node does not hold the base 'user' that the layer"
        " 'alice' was compiled for (No such file or directory)\n"
        f"  digest: {base.closure}\n"
        f"  target: {disk.root}/target\n"
        "  help: `envc overlay sync` compiles the overlay for the base that is here;"
        f" an administrator's `envc converge --target {disk.root}/target` brings this one back\n"
    )


def edit(tree: Path, disk: Disk, old: str, new: str) -> Path:
    path = tree.resolve() / disk.interpreter.site_packages / "_envc_stack.txt"
    path.chmod(0o644)
    path.write_text(path.read_text().replace(old, new))
    return path


def test_another_core_is_refused(disk: Disk):
    tree = disk.publish(disk.layer("user", Recipe(name="beta", version="1")))
    edit(tree, disk, f"cpython\t{disk.interpreter.version}", "cpython\t3.10")
    done = run(tree / "bin/python", "-c", "print('never')")
    real = f"{disk.root}/target/generations/000001/user"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"envc: {real}: compiled for cpython 3.10, but cpython {disk.interpreter.version} runs it\n"
        f"  help: start {real}/bin/python, or build the tree again with the core that is wanted\n"
    )


def test_a_newer_or_missing_data_file_is_refused(disk: Disk):
    tree = disk.publish(disk.layer("user", Recipe(name="beta", version="1")))
    path = edit(tree, disk, "envc-stack\t2", "envc-stack\t3")
    mend = "build the tree again: `envc materialize`, for an overlay `envc overlay sync`"
    done = run(tree / "bin/python", "-c", "print('never')")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"envc: {path}: not a stack of format 2\n  help: {mend}\n"
    path.unlink()
    done = run(tree / "bin/python", "-c", "print('never')")
    named = f"{tree}/{disk.interpreter.site_packages}/{path.name}"
    reason = "cannot be read (No such file or directory)"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"envc: {named}: {reason}\n  help: {mend}\n"


def test_no_name_in_a_message_commands_a_terminal(disk: Disk):
    """`::error` at the start of a line would command a CI system, too, and `##[…]` anywhere."""
    tree = disk.publish(disk.layer("user", Recipe(name="beta", version="1")))
    path = edit(tree, disk, "envc-stack\t2", "envc-stack\t3")
    place = disk.root / "a\x1b[2J\n::error::b##[c]"
    shutil.copytree(disk.root / "target", place, symlinks=True)
    done = run(place / tree.relative_to(disk.root / "target") / "bin/python", "-c", "")
    assert (done.returncode, done.stdout) == (1, "")
    shown = str(disk.root) + r"/a\x1b[2J\n::error::b#\#[c]"
    told, mend = done.stderr.splitlines()
    within = path.relative_to(disk.root / "target")
    assert told == f"envc: {shown}/{within}: not a stack of format 2"
    assert mend.startswith("  help: ")


def test_a_common_layer_finds_its_base_wherever_the_target_stands(disk: Disk):
    data = {"base/__init__.py": "", "base-1.data/data/share/base/x.txt": "data"}
    base = disk.layer("system", Recipe(name="base", version="1", files=data))
    top = disk.layer("user", Recipe(name="top", version="1"))
    disk.publish(base)
    disk.publish(top, base, number=2)
    moved = disk.root / "elsewhere"
    (disk.root / "target").rename(moved)
    code = "import base, top, sys; show([base.__file__, sys.prefix])"
    site_packages = disk.interpreter.site_packages
    assert answer(moved / "user", code) == [
        f"{moved}/generations/000001/system/{site_packages}/base/__init__.py",
        f"{moved}/generations/000002/user",
    ]
    assert (moved / "user/share/base/x.txt").read_text() == "data"


def test_data_files_and_links_lead_into_the_base(disk: Disk):
    def data(name: str, *paths: str) -> Recipe:
        files = {f"{name}-1.data/data/share/{path}": name for path in paths}
        return Recipe(name=name, version="1", files=files)

    base = disk.layer("user", data("lab", "jupyter/lab/a", "doc/x"), data("old", "jupyter/old/b"))
    disk.publish(base)
    top = disk.layer("alice", data("own", "doc/own"), overlay=True)
    tree = disk.publish(top, masking(base, "old"))
    root = tree / "generations/000001"
    shown = {
        str(path.relative_to(root)): str(path.readlink())
        for path in (root / "share").rglob("*")
        if path.is_symlink()
    }
    target = f"{disk.root}/target/by-lock/{hex_of(base.closure)}/user"
    assert shown == {
        "share/doc/x": f"{target}/share/doc/x",
        "share/jupyter/lab": f"{target}/share/jupyter/lab",
    }
    assert (root / "share/jupyter/lab/a").read_text() == "lab"


PIP = "def main():\n    print('own')\n"
SHELLS = [shell for shell in ("sh", "dash", "bash", "zsh", "ksh") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
def test_activate_finds_itself_and_deactivate_restores(disk: Disk, shell: str):
    tree = disk.publish(disk.layer("it's me", Recipe(name="beta", version="1"), overlay=True))
    program = (
        "set -eu\n"
        f". {quote(str(tree / 'bin/activate'))}\n"
        'python -c "import beta, sys; print(sys.prefix)"\n'
        'echo "$(realpath "$VIRTUAL_ENV")|$GREETING|$VIRTUAL_ENV_PROMPT|${PS1-}"\n'
        f". {quote(str(tree / 'bin/activate'))}\n"
        "deactivate\n"
        'echo "$PATH|${VIRTUAL_ENV-unset}|$GREETING|${PS1-}|${_ENVC_ACTIVE-unset}"\n'
        "type deactivate >/dev/null 2>&1 || echo gone\n"
    )
    done = run(shell, "-c", program, GREETING="before", PS1="$ ")
    real = os.path.realpath(tree)
    pinned = f"{real}/generations/000001"
    prompt = done.stdout.splitlines()[1].rpartition("|")[2]
    assert done.stderr == ""
    where = done.stdout.splitlines()[1].partition("|")[0]
    assert where in {real, pinned}  # dash knows the real path only
    assert done.stdout.splitlines() == [
        pinned,
        f"{where}|it's me|it's me|{prompt}",
        f"/usr/bin:/bin|unset|before|{'$ ' if prompt else ''}|unset",
        "gone",
    ]
    assert prompt in {"", "(it's me) $ "}  # bash has no prompt where nobody types


@pytest.mark.parametrize("shell", SHELLS)
def test_an_activated_stack_without_pip_runs_no_other_one(disk: Disk, shell: str):
    """One that has it runs its own; and `deactivate` leaves what was there before."""
    recipes = (
        Recipe(name="beta", version="1"),
        Recipe(name="pip", version="1", console_scripts={"pip": "pip:main"}, files={"pip.py": PIP}),
    )
    (disk.root / "other").mkdir()
    other = disk.root / "other/pip"
    other.write_text("#!/bin/sh\necho another\n")
    other.chmod(0o755)
    said = []
    for name, recipe in zip(("without", "with"), recipes, strict=True):
        tree = disk.publish(disk.layer(name, recipe, overlay=True))
        program = (
            f". {quote(str(tree / 'bin/activate'))}\npip install x || echo $?\ndeactivate\npip\n"
        )
        done = run(shell, "-c", program, PATH=f"{disk.root}/other:/usr/bin:/bin")
        said.append((done.stdout.split(), done.stderr))
    told = "envc: this stack has no pip: envc overlay add PROJECT --overlay NAME adds to a stack of"
    assert said == [(["127", "another"], f"{told} yours\n"), (["own", "another"], "")]


@pytest.mark.parametrize("masked", [(), ("gone",)], ids=["all", "masked"])
def test_a_locale_without_the_letters_of_a_path_is_no_hindrance(
    disk: Disk, masked: tuple[str, ...]
):
    disk.root = disk.root / "zürich ñ"
    disk.root.mkdir()
    base = disk.layer("user", Recipe(name="common", version="1"), Recipe(name="gone", version="1"))
    disk.publish(base)
    own = Recipe(name="own", version="1")
    tree = disk.publish(disk.layer("alice", own, overlay=True), masking(base, *masked))
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code = "import common, own, sys; show(ascii(sys.prefix.encode(errors='surrogateescape')))"
    assert answer(tree, code, **locale) == ascii(f"{tree}/generations/000001".encode())
    venv = disk.root / "venv"
    options = ("-m", "venv", "--without-pip", "--system-site-packages", venv)
    made = run(tree / "bin/python", *options)  # there, venv itself cannot write such a path
    assert (made.returncode, made.stderr) == (0, "")
    for variables in (locale, {}):
        assert answer(venv, "import common, own; show(own.__version__)", **variables) == "1"


def test_an_activated_environment_is_the_one_that_the_process_is_in(disk: Disk):
    """IPython compares them, and else warns and doubles the path."""
    tree = disk.publish(disk.layer("alice", Recipe(name="own", version="1"), overlay=True))
    code = "import os, sys; show([os.environ['VIRTUAL_ENV'] == sys.prefix, len(sys.prefix)])"
    pinned = len(f"{tree}/generations/000001")
    for path in (tree, tree / "generations/000001"):  # a script starts the latter
        assert answer(path, code, VIRTUAL_ENV=str(tree)) == [True, pinned]
    assert answer(tree, code, VIRTUAL_ENV="/elsewhere") == [False, pinned]
