"""Asks whether the index of a site that names none answers: exit status 0 if so, 1 if not.

    PYTHONPATH=tests python -m support.probe

It asks as envc itself does, proxies and credentials included, past the cache and with a deadline.
"""

import os
import shutil
import signal
import sys
import tempfile

from packaging.utils import canonicalize_name

from envc.errors import EnvcError
from envc.index import IndexSource, default_index
from envc.ports import SilentReporter

DEADLINE_SECONDS = 8
PROJECT = canonicalize_name("attrs")


def main() -> int:
    cache = tempfile.mkdtemp(prefix="envc-probe-")

    def give_up(*_: object) -> None:
        shutil.rmtree(cache, ignore_errors=True)
        os._exit(1)  # threads that still wait for the network are not waited for

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE_SECONDS)
    try:
        with IndexSource((default_index(),), {}, cache=cache, reporter=SilentReporter()) as source:
            return 0 if source.releases(PROJECT) else 1
    except EnvcError:
        return 1
    finally:
        signal.alarm(0)  # a caller within a longer process lives on
        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
