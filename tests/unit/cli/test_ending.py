"""A signal that Python passes over, because it came while an object went, is heard all the same."""

import subprocess
import sys

_PROGRAM = """\
import os, signal, weakref
from envc.cli.ending import Ending

class Object:
    pass

def end(_):
    os.kill(os.getpid(), signal.SIG{name})
    for _ in range(1000):
        pass

Ending(lambda: None).listen()
thing = Object()
kept = weakref.ref(thing, end)
try:
    del thing
    while True:
        pass
except KeyboardInterrupt:
    print("unwound")
"""


def run(name):
    program = _PROGRAM.format(name=name)
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_signal_that_comes_while_an_object_goes_unwinds_the_run():
    for name in ("INT", "TERM"):
        done = run(name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "unwound\n", "")
