"""What a wheel would put into a tree, as far as a check asks; read without running it."""

from envc.errors import Fault
from envc.model.value import value
from envc.model.wheel import WheelFacts


@value
class Library:
    """A shared library or extension module (ELF): the libraries it needs, and where it looks.

    `folders` are those of its run paths that lie in the tree, relative to the tree's root.
    """

    path: str
    needed: tuple[str, ...]
    folders: tuple[str, ...]


@value(kw_only=True)
class WheelContents:
    """A wheel's facts, and its files: path below the root → sha256 in hexadecimal.

    `joined` are its packages that join what other folders of `sys.path` have under their name
    (`pkgutil.extend_path`, `pkg_resources.declare_namespace`): namespaces older than PEP 420.
    """

    facts: WheelFacts
    files: dict[str, str]
    joined: tuple[str, ...] = ()


@value
class Unknown:
    """A wheel whose contents cannot be had, and why."""

    project: str
    fault: Fault
