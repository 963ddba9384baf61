"""The index of a site that names none: what uv or pip are told here, else the public one.

The first of these that is set wins:

1. `ENVC_INDEX_URL`
2. `UV_DEFAULT_INDEX`, `UV_INDEX_URL`
3. `PIP_INDEX_URL`
4. pip's configuration: `[install] index-url`, else `[global] index-url`, each from the file named
   by `PIP_CONFIG_FILE`, else the user's, else the machine's; one that is found, and that others
   could change, is not read
5. the ecosystem's public index

Indexes beside that one (`extra-index-url`) are left alone: a project that two indexes have is
what dependency confusion lives on. A site that wants several names them in its spec.
"""

import os
import re
from collections.abc import Iterator, Mapping

from envc.disk.ownership import configuration_folder, home_folder, is_left_alone
from envc.model.spec import IndexSpec

DEFAULT_INDEX = "default"

_VARIABLES = ("ENVC_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def default_index(environ: Mapping[str, str] | None = None) -> IndexSpec:
    """The index of a site that names none; its URL may hold credentials. Not printed anywhere."""
    environ = os.environ if environ is None else environ
    for variable in _VARIABLES:
        # It may be uv's `name=URL`; a URL's own `=` comes after its `://`.
        if value := environ.get(variable, "").strip():
            return IndexSpec(
                name=DEFAULT_INDEX, url=re.sub(r"^[A-Za-z0-9._-]+=(?=\w+://)", "", value)
            )
    return IndexSpec(name=DEFAULT_INDEX, url=_url_of_pip(environ) or public_index())


def _url_of_pip(environ: Mapping[str, str]) -> str | None:
    found: dict[str, str] = {}
    named = environ.get("PIP_CONFIG_FILE")
    for path in _files_of_pip(environ):
        if not os.path.isfile(path) or (path != named and is_left_alone(path)):
            continue
        import configparser

        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue  # pip will complain about its own file
        for section in ("install", "global"):
            if value := parser.get(section, "index-url", fallback="").strip():
                found.setdefault(section, value)
    return found.get("install") or found.get("global")


def _files_of_pip(environ: Mapping[str, str]) -> Iterator[str]:
    """The configuration files of pip, the strongest first."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return  # pip's own way to say: none at all
    if named:
        yield named
    yield f"{configuration_folder(environ)}/pip/pip.conf"
    yield f"{home_folder(environ)}/.pip/pip.conf"
    yield "/etc/pip.conf"
    yield "/etc/xdg/pip/pip.conf"


def public_index() -> str:
    """The URL of the ecosystem's public index.

    It is the constant of pypi_simple, read from its source: its import takes a quarter second.
    """
    import importlib.util

    specification = importlib.util.find_spec("pypi_simple")
    if specification is not None and specification.origin is not None:
        with open(specification.origin, encoding="utf-8") as source:
            found = re.search(r"(?m)^PYPI_SIMPLE_ENDPOINT\b.*=\s*\"(\S+)\"$", source.read())
        if found:
            return found[1]
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT
