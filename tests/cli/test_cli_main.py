"""What every command has in common: help, usage errors, errors as text and as JSON, bugs."""

import json

import pytest

from envc.cli.commands import COMMANDS
from envc.errors import EnvcError, Fault, OutsideError
from support.sites import envc, envc_process


def test_help_names_every_command_and_every_exit_status():
    answer = envc("--help")
    assert (answer.status, answer.stderr) == (0, "")
    for command, summary in COMMANDS.items():
        assert f"  {command:<13}{summary}\n" in answer.stdout
    for status in ("0 done", "1 the answer is no", "2 usage", "3 unsatisfiable", "70 a bug"):
        assert status in answer.stdout


def test_no_words_at_all_are_a_usage_error_with_the_help():
    answer = envc()
    assert answer.status == 2
    assert (answer.stdout, answer.stderr) == ("", envc("--help").stdout)


def test_version():
    from envc import __version__

    assert envc("--version").stdout == f"envc {__version__}\n"


def test_an_unknown_command_points_to_the_help():
    answer = envc("instal")
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == "envc: there is no command 'instal'; see `envc --help`\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_help_with_the_common_options_and_an_example(command):
    answer = envc(command, "--help")
    assert answer.status == 0
    for option in ("--site DIR", "--json", "-q, --quiet", "-v, --verbose", "--no-progress"):
        assert option in answer.stdout
    assert "example:\n  envc " in answer.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_an_unknown_option_is_a_usage_error(command):
    words = {"overlay": ["overlay", "sync"], "run": ["run"], "tree": ["tree"]}
    answer = envc(*words.get(command, [command]), "--nonsense", "x")
    assert answer.status == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert "\n mend: see `envc " in answer.stderr


def raising(monkeypatch, error):
    def run(arguments):
        raise error

    monkeypatch.setattr("envc.cli.init.run", run)


def test_an_error_is_told_with_place_and_mend(monkeypatch):
    error = EnvcError.of([Fault("it broke", "file:1", "fix it"), Fault("and this")])
    error.status = 5
    raising(monkeypatch, error)
    answer = envc("init")
    assert (answer.status, answer.stdout) == (5, "")
    assert answer.stderr == "error: it broke\n   at: file:1\n mend: fix it\nerror: and this\n"


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
    assert answer.stderr == "error: no answer\n   at: index\n mend: try again\n"


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
        "envc: a bug in envc: ZeroDivisionError: oops\n"
        " mend: run it again with -v, and report what it prints\n"
    )
    assert "Traceback" in envc("init", "-v").stderr


def test_an_interrupt_ends_with_130_and_no_traceback(monkeypatch):
    raising(monkeypatch, KeyboardInterrupt())
    answer = envc("init")
    assert answer.status == 130
    assert answer.stderr == "envc: interrupted; nothing half-done is in use\n"


def test_outside_a_site_the_mend_says_what_to_do(tmp_path):
    answer = envc("lock", cwd=tmp_path)
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == (
        "error: no site here: no envc.toml in this folder or any above it\n"
        f"   at: {tmp_path}\n"
        " mend: go into a site, name one with --site DIR, or start one with `envc init`\n"
    )
    answer = envc("tree", "--site", tmp_path)
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: no envc.toml, and no pyproject.toml with [tool.envc], in this folder\n"
            f"   at: {tmp_path}\n"
            " mend: name a site's folder with --site, or start one with `envc init`\n"
        ),
    )


@pytest.mark.slow
def test_the_program_itself_answers(tmp_path):
    answer = envc_process("init", "cluster", "--json", cwd=tmp_path)
    assert answer.status == 0
    assert json.loads(answer.stdout) == {"path": str(tmp_path / "cluster/envc.toml")}
