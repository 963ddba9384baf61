"""Words and what they say: options and operands in any order, and what is wrong with a line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envc.cli.grammar import Command, Operand, Option, positive, read, whole
from envc.errors import UsageError

COMMAND = Command(
    run=lambda _: None,
    example="envc do x",
    options=(
        Option("--dry-run", "", "do nothing"),
        Option("--keep", "N", "so many", kind=whole),
        Option("--at-once", "N", "so many", kind=positive, default=64),
        Option("-o, --output", "FILE", "where to"),
        Option("-e, --editable", "DIR", "a folder", repeated=True),
        Option("--mode", "MODE", "how", choices=("auto", "copy"), default="auto"),
        Option("--from", "DIR", "where from", into="source"),
    ),
    operands=(Operand("FIRST", "the first", "first"), Operand("OTHER", "others", "others", "*")),
    conflicts=(("--dry-run", "--output"),),
)
ENDS = COMMAND._replace(operands=(Operand("CMD", "a command", "command", "*"),), ends=True)


def faults(*words: str, command: Command = COMMAND) -> list[tuple[str, str]]:
    with pytest.raises(UsageError) as raised:
        read(command, words, page="envc do")
    return [(fault.what, fault.mend) for fault in raised.value.faults]


def test_what_nobody_gives_has_its_default():
    found = read(COMMAND, ["x"], page="envc do")
    assert vars(found) == {
        "dry_run": False,
        "keep": None,
        "at_once": 64,
        "output": None,
        "editable": [],
        "mode": "auto",
        "source": None,
        "site": None,
        "json": False,
        "quiet": False,
        "verbose": 0,
        "no_progress": False,
        "help": False,
        "first": "x",
        "others": [],
    }


@pytest.mark.parametrize(
    "words",
    [
        ["x", "y", "-vv", "--keep", "3", "-o", "f", "-e", "a", "-e", "b"],
        ["-v", "--keep=3", "x", "--verbose", "-of", "-ea", "y", "--editable=b"],
        ["-e=a", "-o=f", "-e", "b", "-vv", "--keep", "9", "--keep", "3", "--", "x", "y"],
    ],
)
def test_a_line_may_be_written_in_many_ways(words):
    found = read(COMMAND, words, page="envc do")
    assert (found.first, found.others, found.keep, found.output) == ("x", ["y"], 3, "f")
    assert (found.editable, found.verbose) == (["a", "b"], 2)


def test_flags_stand_together_and_an_option_with_a_value_ends_them():
    found = read(COMMAND, ["-qvof", "x"], page="envc do")
    assert (found.quiet, found.verbose, found.output) == (True, 1, "f")


def test_after_two_dashes_all_is_operands():
    found = read(COMMAND, ["--", "--dry-run", "-x", "--"], page="envc do")
    assert (found.first, found.others, found.dry_run) == ("--dry-run", ["-x", "--"], False)


def test_what_stood_before_counts_and_may_be_said_again():
    before = vars(read(COMMAND._replace(operands=()), ["-v", "--site", "a"], page="envc"))
    found = read(COMMAND, ["x", "-v", "--site", "b"], page="envc do", before=before)
    assert (found.verbose, found.site) == (2, "b")
    assert read(COMMAND, ["x"], page="envc do", before=before).site == "a"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["-q", "python", "-c", "pass", "--json"], ["python", "-c", "pass", "--json"]),
        (["-q", "--", "python", "--", "-h"], ["--", "python", "--", "-h"]),
    ],
)
def test_from_its_first_operand_on_words_are_left_as_they_are(words, command):
    found = read(ENDS, words, page="envc do")
    assert (found.command, found.quiet, found.json, found.help) == (command, True, False, False)


SEE = "see `envc do --help`"


@pytest.mark.parametrize(
    ("words", "what", "mend"),
    [
        (["x", "--kep", "3"], "there is no option --kep", f"did you mean --keep? {SEE}"),
        (["x", "--zzzz"], "there is no option --zzzz", SEE),
        (["x", "-zq"], "there is no option -z", SEE),
        (["x", "--dry"], "there is no option --dry", f"did you mean --dry-run? {SEE}"),
        (["x", "--keep"], "--keep needs a value, N", SEE),
        (["x", "--keep", "--dry-run"], "--keep needs a value, N", SEE),
        (["x", "--keep", "-1"], "--keep is '-1', no number of at least 0", SEE),
        (["x", "--at-once", "0"], "--at-once is '0', no number of at least 1", SEE),
        (["x", "--dry-run=yes"], "--dry-run takes no value", SEE),
        (["x", "--mode", "move"], "--mode is 'move'", "use one of auto, copy"),
        (["x", "--dry-run", "-o", "f"], "--dry-run and --output exclude each other", SEE),
        ([], "FIRST is missing: the first", SEE),
    ],
)
def test_a_fault_says_what_and_how_to_mend_it(words, what, mend):
    assert faults(*words) == [(what, mend)]


def test_all_faults_are_told_at_once_and_nothing_that_follows_from_them():
    told = faults("--kep", "3", "--mode", "move", command=COMMAND._replace(operands=()))
    assert [what for what, _ in told] == ["there is no option --kep", "--mode is 'move'"]


def test_a_word_too_many_and_an_operand_that_there_is_not():
    one = Command(run=print, example="", operands=(Operand("A", "it", "a", choices=("b", "c")),))
    assert faults("b", "d", command=one) == [("nothing takes the word 'd'", SEE)]
    assert faults("d", command=one) == [("A is 'd'", "use one of b, c")]


def test_an_option_that_is_required():
    one = Command(run=print, example="", options=(Option("-o, --out", "F", "it", required=True),))
    assert faults(command=one) == [("-o, --out F is missing: it", SEE)]


@pytest.mark.parametrize(
    "words", [["-h"], ["--kep", "--help"], ["--keep", "x", "-h", "--mode", "y"], ["-qh"]]
)
def test_help_is_heard_anywhere(words):
    assert read(COMMAND, words, page="envc do").help


VALUES = st.text(st.characters(codec="utf-8"), max_size=5)


@given(st.lists(VALUES), st.lists(VALUES), st.data())
def test_whatever_is_said_is_read(editable, others, data):
    """Any values, joined to their option; operands behind `--`, whatever they look like."""
    words = [f"--editable={each}" for each in editable]
    words.insert(data.draw(st.integers(0, len(words))), "--dry-run")
    found = read(COMMAND, [*words, "--", "x", *others], page="envc do")
    assert (found.editable, found.others, found.dry_run) == (editable, others, True)


@given(st.lists(st.text(max_size=6)))
def test_any_line_is_read_or_refused(words):
    with suppress(UsageError):
        read(COMMAND, words, page="envc do")
