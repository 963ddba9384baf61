"""What every use case is given: how to report, where the cache is, whether to use the network."""

from typing import NamedTuple

from envc.disk.cache_place import own_cache
from envc.ports import Reporter, SilentReporter


class Context(NamedTuple):
    """The surroundings of one command."""

    reporter: Reporter = SilentReporter()
    offline: bool = False

    @property
    def cache(self) -> str:
        """The folder of the cache; asked for only by what uses it."""
        return own_cache()
