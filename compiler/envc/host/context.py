"""What every use case is given: how to report, where the cache is, whether to use the network."""

import os
from typing import NamedTuple

from envc.ports import Reporter, SilentReporter


def default_cache() -> str:
    """`ENVC_CACHE_DIR`, else the user's cache folder."""
    configured = os.environ.get("ENVC_CACHE_DIR")
    if configured:
        return os.path.abspath(configured)
    if os.uname().sysname == "Linux":  # as platformdirs has it, which takes 5 ms to load
        return f"{os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')}/envc"
    from platformdirs import user_cache_dir

    return user_cache_dir("envc")


class Context(NamedTuple):
    """The surroundings of one command."""

    reporter: Reporter = SilentReporter()
    offline: bool = False

    @property
    def cache(self) -> str:
        """The folder of the cache; asked for only by what uses it."""
        return default_cache()
