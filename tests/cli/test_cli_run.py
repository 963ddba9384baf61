import getpass
import json

import pytest

from support.sites import envc, envc_process

pytestmark = pytest.mark.slow  # every test starts envc in a process of its own


@pytest.fixture
def run(built, tmp_path):
    def run_(*words, environment=None):
        whole = ("run", "--target", built.target, *words)
        return envc_process(*whole, cwd=tmp_path, environment=environment)

    return run_


def test_a_command_of_a_layer_runs_in_it(built, run):
    answer = run("--layer", "user", "--", "report", "a b", "-c")
    assert answer.status == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert seen["prefix"] == f"{built.target}/generations/000001/user"
    assert seen["arguments"] == ["a b", "-c"]
    assert seen["projects"]["pandas"] == "2.2.0"


def test_the_layers_variables_are_set(run):
    code = "import os; print(os.environ['OMP_NUM_THREADS'], 'PYTHONUSERBASE' in os.environ)"
    words = ("--layer", "user", "--", "python", "-c", code)
    answer = run(*words, environment={"PYTHONUSERBASE": "/nowhere"})
    assert answer.stdout == "1 False\n", answer.stderr


def test_the_status_is_the_commands(run):
    assert run("--layer", "user", "--", "sh", "-c", "exit 42").status == 42


def test_a_python_path_is_named(run):
    answer = run("--layer", "user", "--", "true", environment={"PYTHONPATH": "/elsewhere"})
    assert answer.status == 0
    assert answer.stderr == ("warning: PYTHONPATH is set, and goes before the stack: /elsewhere\n")


def test_a_command_that_is_not_there(built, run):
    answer = run("--layer", "user", "--", "no-such-command")
    assert (answer.status, answer.stderr) == (
        127,
        (
            "error: no-such-command cannot be run: No such file or directory\n"
            f"   at: {built.target}/generations/000001/user\n"
            " help: check the command's name; the stack's own are in its bin folder\n"
        ),
    )


def test_pip_that_is_not_there_is_not_another_pythons(built, run):
    answer = run("--layer", "user", "--", "pip", "install", "x")
    assert (answer.status, answer.stdout, answer.stderr) == (
        127,
        "",
        (
            "error: this stack has no pip\n"
            f"   at: {built.target}/generations/000001/user\n"
            " help: envc overlay add PROJECT --overlay NAME adds to a stack of yours\n"
        ),
    )


def test_a_layer_that_is_not_there(built, run):
    answer = run("--layer", "users", "--", "true")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: layer 'users' is not materialized here\n"
            f"   at: {built.target}\n"
            " help: did you mean user? use system, user\n"
        ),
    )


def test_an_overlay_that_is_not_there(run, tmp_path):
    answer = run("--overlay", tmp_path / "nobody", "--", "true")
    assert (answer.status, answer.stderr) == (
        2,
        (
            "error: there is no such overlay\n"
            f"   at: {tmp_path}/nobody\n"
            f" help: correct the path, or make it: `envc overlay init {tmp_path}/nobody`\n"
        ),
    )


def test_the_users_own_overlay_is_created_at_first_use(warm):
    warm.materialize()
    user = getpass.getuser()
    words = ("run", "--target", warm.target, "--", "report")
    first = envc_process(*words, cwd=warm.root)
    assert first.status == 0, first.stderr
    prefix = f"{warm.storage}/{user}/{user}/generations/000001"
    assert json.loads(first.stdout)["prefix"] == prefix
    assert envc_process(*words, cwd=warm.root).stdout == first.stdout


def test_json_says_where_before_the_command_runs(built, run):
    answer = run("--layer", "user", "--json", "--", "true")
    assert json.loads(answer.stdout) == {
        "tree": f"{built.target}/generations/000001/user",
        "command": ["true"],
    }


def test_a_command_is_needed():
    answer = envc("run")
    assert answer.status == 2
    assert answer.stderr == ("error: nothing to run\n help: name a command after --, or a script\n")
