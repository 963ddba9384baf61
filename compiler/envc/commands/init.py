"""`envc init`: a commented spec to start a site from."""

import os
import re

from envc.disk.durable import disk_error, write_file
from envc.errors import UsageError
from envc.formats.envc_toml import TEMPLATE
from envc.model.python import running_python
from envc.reports.init import InitReport
from envc.sites.place import SPEC_NAME, spec_in


def init_site(folder: str) -> InitReport:
    """A new `envc.toml` in `folder`, which is made if need be; the site is named after it.

    Raises:
        UsageError: there is a site already.
    """
    folder = os.path.abspath(folder)
    path = f"{folder}/{SPEC_NAME}"
    if os.path.lexists(path) or spec_in(folder) is not None:
        raise UsageError(
            "there is a site already",
            where=f"{folder}/{spec_in(folder) or SPEC_NAME}",
            mend="edit it, or start in another folder",
        )
    name = re.sub(r"[^a-z0-9_-]+", "-", os.path.basename(folder).lower()).strip("-_") or "site"
    python = running_python()
    try:
        os.makedirs(folder, exist_ok=True)
        write_file(path, TEMPLATE.format(name=name, python=python).encode())
    except OSError as error:
        raise disk_error(error, "write the spec", path) from error
    return InitReport(path=path)
