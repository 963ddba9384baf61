"""`envc completion` in real shells, and the pages for `man` that come with the wheel."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from envc.cli.commands import SHOWN, UNSEEN
from support.sites import envc

pytestmark = pytest.mark.slow

DIST = Path(__file__).parents[2] / "compiler" / "dist"
BASH = """
_asked() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
    COMPREPLY=()
    _shtab_envc
    printf '%s\\n' "${COMPREPLY[@]}"
}
"""
LINES = [
    (["envc", "mat"], ["materialize"]),
    (["envc", "--json", "overlay", "ad"], ["add", "adopt"]),
    (["envc", "overlay", "add", "--edit"], ["--editable"]),
    (["envc", "check", "--format", "j"], ["json", "junit"]),
    (["envc", "kernel", "install", "--na"], ["--name"]),
    (["envc", "help", "roll"], ["rollout", "rollback"]),
    (["envc", "nod"], []),
    (["envc", "status", "--no"], ["--nodes", "--no-progress"]),
]


def script(shell: str) -> str:
    answer = envc("completion", shell)
    assert (answer.status, answer.stderr) == (0, "")
    return answer.stdout


def told(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(("words", "expected"), LINES)
def test_bash_completes(words, expected):
    asked = f"_asked {' '.join(words)}"
    said = told("bash", "--norc", "-c", f"{script('bash')}{BASH}{asked}")
    assert sorted(filter(None, said.split())) == sorted(expected)


def test_bash_completes_folders(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "taken.txt").write_text("")
    asked = "_asked envc materialize --target ta"
    words = ("bash", "--norc", "-c", f"{script('bash')}{BASH}{asked}")
    assert told(*words, cwd=tmp_path).split() == ["target"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("words", "expected"), LINES)
def test_fish_completes(words, expected):
    asked = f"complete --do-complete '{' '.join(words)}'"
    said = told("fish", "--no-config", "-c", f"{script('fish')}\n{asked}")
    found = {line.partition("\t")[0] for line in said.splitlines()}
    assert {word for word in found if word.startswith(words[-1])} == set(expected)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_the_script():
    program = 'autoload -U compinit && compinit -D; eval "$SCRIPT"; print -r -- $_comps[envc]'
    done = subprocess.run(
        ["zsh", "-f", "-c", program],
        env={**os.environ, "SCRIPT": script("zsh")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "_shtab_envc\n", "")


def test_a_shell_that_is_not_known():
    answer = envc("completion", "tcsh")
    assert answer.status == 2
    assert "use one of bash, zsh, fish" in answer.stderr


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    spec = importlib.util.spec_from_file_location("manuals", DIST / "manuals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("share")
    module.write(folder)
    return folder


def test_a_wheel_has_a_page_of_each_command_and_completion_for_each_shell(shared):
    pages = {path.name for path in (shared / "man/man1").iterdir()}
    assert pages == {"envc.1", *(f"envc-{name}.1" for name in SHOWN)}
    assert not {f"envc-{name}.1" for name in UNSEEN} & pages
    for path in ("bash-completion/completions/envc", "zsh/site-functions/_envc"):
        assert "envc" in (shared / path).read_text()
    assert (shared / "fish/vendor_completions.d/envc.fish").read_text() == script("fish")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_pages_are_shown_without_a_complaint(shared):
    for page in sorted((shared / "man/man1").iterdir()):
        words = ["groff", "-man", "-Tutf8", "-ww", "-z", page]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stderr == "", page


def test_the_page_of_a_command_has_its_options(shared):
    text = (shared / "man/man1/envc-lock.1").read_text().replace("\\", "")
    assert "envc-lock - resolve the specs and write the locks" in text
    assert "--upgrade-package" in text
    assert "envc lock --upgrade-package numpy" in text
