"""The context of a command: its reporter, drawn or plain, and the cache."""

import os
import sys
from typing import TYPE_CHECKING

from envc.cli.arguments import Arguments
from envc.host.context import Context

if TYPE_CHECKING:
    from envc.sites.site import Site


def context_of(arguments: Arguments, *, offline: bool = False) -> Context:
    """The context that the common options describe."""
    from envc.cli.progress import BarReporter, LineReporter

    drawn = sys.stderr.isatty() and not (arguments.no_progress or arguments.quiet)
    reporter = BarReporter() if drawn else LineReporter(quiet=arguments.quiet)
    return Context(reporter=reporter, offline=offline)


def site_of(arguments: Arguments) -> "Site":
    """The site that `--site` names, else the nearest one upwards, else what `ENVC_TARGET` keeps."""
    from envc.errors import UsageError
    from envc.sites.place import find_site
    from envc.sites.site import load_site

    try:
        folder, name = find_site(arguments.site)
    except UsageError:
        target = os.environ.get("ENVC_TARGET")
        if arguments.site is not None or not target:
            raise
        from envc.target.opened import open_target

        return open_target(target).site
    return load_site(folder, name)
