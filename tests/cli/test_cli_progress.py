"""What a person sees of long work: bars on a terminal, lines elsewhere."""

import itertools
import os
import pty
import sys

import pytest

from envc.cli.progress import BarReporter, LineReporter


def seconds(*moments: float):
    """A clock that tells these moments, the last one for ever."""
    return itertools.chain(moments, itertools.repeat(moments[-1])).__next__


def test_a_line_when_it_took_a_while(capsys):
    reporter = LineReporter(quiet=False, clock=seconds(0.0, 4.0))
    reporter.start("download", 10_000_000, "bytes")
    reporter.advance("download", 10_000_000)
    reporter.finish("download")
    assert capsys.readouterr() == ("", "downloading: 10.0 MB in 4.0 s (2.5 MB/s)\n")


def test_files_are_counted(capsys):
    reporter = LineReporter(quiet=False, clock=seconds(0.0, 2.0))
    reporter.start("compile", 0, "files")
    for _ in range(3000):
        reporter.advance("compile")
    reporter.finish("compile")
    assert capsys.readouterr().err == "compiling: 3,000 files in 2.0 s (1,500 files/s)\n"


@pytest.mark.parametrize(("quiet", "ended"), [(False, 0.9), (True, 9.0)])
def test_no_line_for_what_was_quick_nor_with_quiet(capsys, quiet, ended):
    reporter = LineReporter(quiet=quiet, clock=seconds(0.0, ended))
    reporter.start("link", 5, "files")
    reporter.advance("link", 5)
    reporter.finish("link")
    assert capsys.readouterr() == ("", "")


class Terminal:
    """A terminal of 80 columns in the place of stderr."""

    def __init__(self, monkeypatch):
        self.master, slave = pty.openpty()
        self.file = os.fdopen(slave, "w")
        monkeypatch.setattr(sys, "stderr", self.file)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "80")

    def shown(self) -> str:
        self.file.close()
        return b"".join(iter(self.read, b"")).decode()

    def read(self) -> bytes:
        try:
            return os.read(self.master, 100_000)
        except OSError:  # the other side is closed, and all is read
            return b""


def test_a_bar_says_how_much_of_how_much(monkeypatch):
    terminal = Terminal(monkeypatch)
    reporter = BarReporter(clock=seconds(0.0, 0.2, 2.0))
    reporter.start("download", 40_000_000, "bytes")
    reporter.advance("download", 10_000_000)
    reporter.advance("download", 10_000_000)
    reporter.finish("download")
    shown = terminal.shown()
    assert "downloading" in shown
    assert "20.0 MB of 40.0 MB, 10.0 MB/s" in shown


def test_what_is_quick_is_not_drawn(monkeypatch):
    terminal = Terminal(monkeypatch)
    reporter = BarReporter(clock=seconds(0.0, 0.1))
    reporter.start("link", 5, "files")
    reporter.advance("link", 5)
    reporter.finish("link")
    reporter.warn("seen")
    assert terminal.shown() == "warning: seen\r\n"
