"""What every command has in common: help, usage errors, errors as text and as JSON, bugs."""

import json
import shlex
import subprocess
import sys
from itertools import takewhile

import pytest

from envc.cli import init, kernel, overlay
from envc.cli.call import _call_of
from envc.cli.commands import COMMANDS, SHOWN
from envc.errors import EnvcError, Fault, OutsideError
from support.sites import envc, envc_process

WITH_VERBS = {"overlay": overlay.VERBS, "kernel": kernel.VERBS}
PAGES = {
    *(name for name in COMMANDS if name not in WITH_VERBS),
    *(f"{name} {verb}" for name, verbs in WITH_VERBS.items() for verb in verbs),
}
# The modules that may be there after `envc --version`.
OF_ENVC = ("envc.cli", "envc.cli.main", "envc.cli.commands")


def test_help_names_every_command_and_every_exit_status():
    answer = envc("--help")
    assert (answer.status, answer.stderr) == (0, "")
    for command, summary in SHOWN.items():
        assert f"  {command:<13}{summary}\n" in answer.stdout
    assert "  node " not in answer.stdout
    for status in ("0 done", "1 the answer is no", "2 usage", "3 unsatisfiable", "70 a bug"):
        assert status in answer.stdout


def test_no_words_at_all_are_a_usage_error_with_the_help():
    answer = envc()
    assert answer.status == 2
    assert (answer.stdout, answer.stderr) == ("", envc("--help").stdout)


def test_version():
    from envc import __version__

    for words in (["--version"], ["-V"], ["--no-progress", "--version"], ["-V", "-q"]):
        assert envc(*words).stdout == f"envc {__version__}\n"


@pytest.mark.parametrize(
    ("words", "what", "mend"),
    [
        (["zzz"], "envc has no command 'zzz'", "see `envc --help`"),
        (["veryfy"], "envc has no command 'veryfy'", "did you mean verify? see `envc --help`"),
        (["help", "lok"], "envc has no command 'lok'", "did you mean lock? see `envc --help`"),
        (["-q"], "envc needs a command", "see `envc --help`"),
        (["overlay"], "envc overlay needs a verb", "see `envc overlay --help`"),
        (
            ["overlay", "--site", "x", "snyc"],
            "envc overlay has no verb 'snyc'",
            "did you mean sync? see `envc overlay --help`",
        ),
        (["--jsn", "lock"], "there is no option --jsn", "did you mean --json? see `envc --help`"),
    ],
)
def test_a_command_that_there_is_not(words, what, mend):
    answer = envc(*words)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == f"error: {what}\n help: {mend}\n"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_command_has_a_help_with_the_common_options_and_an_example(name):
    """An example is a line that the command takes."""
    answer = envc(*name.split(), "--help")
    assert answer.status == 0
    for option in ("--site DIR", "--json", "-q, --quiet", "-v, --verbose", "--no-progress"):
        assert option in answer.stdout
    _, _, examples = answer.stdout.replace("examples:\n", "example:\n").partition("example:\n")
    line, *_ = examples.strip().splitlines()
    words = list(takewhile(lambda word: word not in {"&&", ">"}, shlex.split(line)))
    assert words.pop(0) == "envc"
    call = _call_of(words)
    assert call.name.startswith(f"envc {name}")


@pytest.mark.parametrize(
    "words", [["help", "lock"], ["lock", "-h"], ["-h", "lock"], ["lock", "--what", "--help"]]
)
def test_help_may_be_asked_for_anywhere(words):
    assert envc(*words).stdout == envc("lock", "--help").stdout
    assert envc(*words).status == 0


def test_help_of_a_verb():
    page = envc("overlay", "add", "-h").stdout
    assert page.startswith("usage: envc overlay add [OPTIONS] [REQUIREMENT...]\n")
    assert envc("help", "overlay", "add").stdout == page
    assert envc("help", "overlay").stdout.startswith("usage: envc overlay VERB [OPTIONS]\n")


def test_what_comes_after_the_command_of_run_is_not_envcs(tmp_path):
    answer = envc("run", "--layer", "user", "--target", tmp_path, "--", "python", "--help")
    assert answer.stderr.startswith("error: nothing is materialized here\n")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {*WITH_VERBS}))
def test_an_unknown_option_is_a_usage_error(command):
    answer = envc(command, "--zzz", "x")
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == f"error: there is no option --zzz\n help: see `envc {command} --help`\n"


@pytest.mark.parametrize(
    "words", [["--json", "lok"], ["verify", "--fst", "--json"], ["overlay", "--json", "snc"]]
)
def test_with_json_a_usage_error_is_one_object_too(words):
    answer = envc(*words)
    assert answer.status == answer.json["error"]["status"] == 2
    assert answer.json["error"]["code"] == "usage"
    (fault,) = answer.json["error"]["faults"]
    assert answer.stderr == f"error: {fault['what']}\n help: {fault['mend']}\n"


@pytest.mark.parametrize(
    "words", [["--site", ".", "--json", "init"], ["--json", "init", "-q"], ["-q", "init", "--json"]]
)
def test_common_options_stand_before_the_command_or_after_it(words, tmp_path):
    answer = envc(*words, "there", cwd=tmp_path)
    assert answer.json == {"path": f"{tmp_path}/there/envc.toml"}


@pytest.mark.parametrize(
    "command",
    ["materialize", "verify", "repair", "generations", "rollback", "gc", "uninstall", "converge"],
)
def test_a_target_that_nobody_names_is_a_usage_error(command, monkeypatch):
    monkeypatch.delenv("ENVC_TARGET", raising=False)
    answer = envc(command)
    assert answer.status == 2
    assert answer.stderr == (
        "error: no target directory is named\n"
        " help: name it with --target DIR, or set ENVC_TARGET\n"
    )


@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_what_tells_of_envc_itself_imports_next_to_nothing(words):
    code = (
        "import sys; old = set(sys.modules); from envc.cli.main import main; "
        f"main({words}); print(*sorted(set(sys.modules) - old), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) <= {"__future__", "gc", "envc", *OF_ENVC}


def raising(monkeypatch, error):
    def run(arguments):
        raise error

    command = init.COMMAND._replace(run=run)
    monkeypatch.setattr(init, "COMMAND", command)


def test_an_error_is_told_with_place_and_mend(monkeypatch):
    error = EnvcError.of([Fault("it broke", "file:1", "fix it"), Fault("and this")])
    error.status = 5
    raising(monkeypatch, error)
    answer = envc("init")
    assert (answer.status, answer.stdout) == (5, "")
    assert answer.stderr == "error: it broke\n   at: file:1\n help: fix it\nerror: and this\n"


def test_with_json_an_error_is_one_object_on_stdout_too(monkeypatch):
    raising(monkeypatch, OutsideError("no answer", where="index", mend="try again"))
    answer = envc("init", "--json")
    assert answer.status == 4
    assert answer.json == {
        "error": {
            "code": "outside",
            "status": 4,
            "faults": [{"what": "no answer", "where": "index", "mend": "try again"}],
        }
    }
    assert answer.stderr == "error: no answer\n   at: index\n help: try again\n"


def test_verbose_tells_the_cause(monkeypatch):
    error = OutsideError("no answer")
    error.__cause__ = TimeoutError("30 s")
    raising(monkeypatch, error)
    assert envc("init").stderr == "error: no answer\n"
    told = envc("init", "-v").stderr
    assert told == "envc: caused by TimeoutError('30 s')\nerror: no answer\n"


def test_a_bug_ends_with_70_and_asks_for_a_report(monkeypatch):
    raising(monkeypatch, ZeroDivisionError("oops"))
    answer = envc("init")
    assert (answer.status, answer.stdout) == (70, "")
    assert answer.stderr == (
        "error: a bug in envc: ZeroDivisionError: oops\n"
        " help: run it again with -v, and report what it prints\n"
    )
    assert "Traceback" in envc("init", "-v").stderr


def test_an_interrupt_ends_with_130_and_no_traceback(monkeypatch):
    raising(monkeypatch, KeyboardInterrupt())
    answer = envc("init")
    assert answer.status == 130
    assert answer.stderr == (
        "error: interrupted: nothing half-done is in use\n"
        " help: run the same command again: it goes on\n"
    )
    assert envc("init", "--json").json["error"]["code"] == "interrupted"


def test_outside_a_site_the_mend_says_what_to_do(tmp_path):
    answer = envc("lock", cwd=tmp_path)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: no site here: no envc.toml in this folder or any above it\n"
        f"   at: {tmp_path}\n"
        " help: go into a site, name one with --site DIR, or start one with `envc init`\n"
    )
    answer = envc("tree", "--site", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: no envc.toml, and no pyproject.toml with [tool.envc], in this folder\n"
            f"   at: {tmp_path}\n"
            " help: name a site's folder with --site, or start one with `envc init`\n"
        ),
    )


@pytest.mark.slow
def test_the_program_itself_answers(tmp_path):
    answer = envc_process("init", "cluster", "--json", cwd=tmp_path)
    assert answer.status == 0
    assert json.loads(answer.stdout) == {"path": str(tmp_path / "cluster/envc.toml")}
