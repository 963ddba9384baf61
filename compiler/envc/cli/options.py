"""The options that several commands have, and what they mean together."""

import os
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Option, meant, positive
from envc.errors import UsageError, shell_word
from envc.model.names import ENGINES

if TYPE_CHECKING:
    from envc.fleet.asking import Nodes
    from envc.model.nodes import Limits
    from envc.model.spec import EngineSpec
    from envc.ports import Engine

TARGET = Option("--target", "DIR", "the target directory (default: ENVC_TARGET)", strays=True)
TARGET_OR_OVERLAY = TARGET._replace(
    help="a target directory, or an overlay's folder (default: ENVC_TARGET)"
)
BASES = Option(
    "--target",
    "DIR",
    "where the common layers are (default: what the overlay recorded, else ENVC_TARGET)",
)
FINDS = TARGET._replace(
    help="where overlays are found by name (default: ENVC_TARGET)", strays=False
)
LENDER = TARGET._replace(
    help="take what its store has already from this target (default: ENVC_TARGET)", strays=False
)
OVERLAY = Option(
    "--overlay",
    "NAME|DIR|FILE",
    "an overlay: its name in your storage, its folder, or its spec",
    strays=True,
)
OWN_OVERLAY = OVERLAY._replace(help=f"{OVERLAY.help} (default: your own)")
OFFLINE = Option("--offline", "", "ask no index: use the cache alone")
FROM_OTHERS = (
    Option(
        "--from",
        "PATH",
        "begin with what stands there: requirements.txt, pyproject.toml, environment.yml, a lock "
        "of uv, poetry, pdm or pip, or a virtual environment",
        "sources",
        repeated=True,
    ),
    Option("--extra", "NAME", "with --from: this extra of the project as well", repeated=True),
    Option("--group", "NAME", "with --from: this dependency group as well", repeated=True),
)
LAYER = Option("--layer", "L", "a common layer (default: user)", strays=True)
SIGN = Option(
    "--sign",
    "KEY",
    "sign with this private key, or with the agent's for this .pub (default: ENVC_SIGN_KEY)",
    repeated=True,
)
TRUST = Option(
    "--trust",
    "FILE",
    "public keys, one a line: take only what one of them has signed (default: what this target "
    "has noted)",
)
ENGINE = (
    Option(
        "--engine",
        "ENGINE",
        "how nodes are reached: local (processes here), clustershell (ssh, the default), slurm, or "
        "an [engine.NAME] of the site",
        default="clustershell",
    ),
    Option("--become", "", "become root on the nodes, by sudo, which asks for no password"),
    Option("--fan-out", "N", "nodes at once (64)", kind=positive, default=64),
    Option(
        "--timeout",
        "SECONDS",
        "how long a node may take for a step (1800)",
        kind=positive,
        default=1800,
    ),
)
NODES = (
    Option("--nodes", "SET", "which nodes: 'n[1-16]', @group", required=True, strays=True),
    TARGET._replace(
        help="the target directory on each node; {node} in it is the node's name (default: "
        "ENVC_TARGET)"
    ),
    Option("--state", "DIR", "a folder that every node sees"),
    *ENGINE,
)


def sources_of(arguments: Arguments) -> list[str]:
    """What `--from` names.

    Raises:
        UsageError: nothing, and yet there are extras or groups to be taken from it.
    """
    found: list[str] = arguments.sources
    if not found and (arguments.extra or arguments.group):
        what = "--extra and --group are of what --from names"
        raise UsageError(what, mend="name a source: --from pyproject.toml")
    return found


def wheels_from(what: str) -> Option:
    """`--from`: where to take wheels from before an index is asked."""
    return Option("--from", "WHEELHOUSE", what, into="source")


def supplied_by(value: str, what: str) -> Option:
    """`--from`: where all that is needed comes from; by default the bundle that carries envc."""
    return Option("--from", value, what, into="supply")


def target_of(arguments: Arguments) -> str:
    """The target directory that the line or `ENVC_TARGET` names, its absolute path.

    Raises:
        UsageError: neither does.
    """
    named = arguments.target or os.environ.get("ENVC_TARGET")
    if not named:
        raise UsageError(
            "no target directory is named",
            mend="name it with --target DIR, or set ENVC_TARGET",
        )
    return os.path.abspath(named)


def folder_of(arguments: Arguments) -> str:
    """What has generations: the overlay's folder where one is named, else the target directory.

    Raises:
        UsageError: neither is known.
    """
    if arguments.overlay is None:
        return target_of(arguments)
    from envc.overlays.places import overlay_folder

    return overlay_folder(arguments.overlay, arguments.target)


def spec_of(word: str, target: str | None) -> str:
    """The spec of the overlay that a word means.

    Raises:
        UsageError: the user has no overlay of that name.
    """
    from envc.overlays.places import overlay_spec  # most runs name none

    return overlay_spec(word, target)


def state_of(arguments: Arguments) -> str | None:
    """The folder of the wanted state, its absolute path, if one is named."""
    return os.path.abspath(arguments.state) if arguments.state else None


def asked_nodes(arguments: Arguments) -> "Nodes":
    """The nodes that the line names, and how to ask them."""
    from envc.fleet.asking import Nodes

    target = target_of(arguments)
    return Nodes(nodes=nodes_of(arguments), target=target, limits=limits_of(arguments))


def nodes_of(arguments: Arguments) -> str:
    """The set of nodes that the line names; where a shell may have written it, it is warned."""
    from envc.ports import REPORTER

    named: str = arguments.nodes
    if os.path.lexists(named):
        REPORTER.get().warn(
            f"--nodes {shell_word(named)}: a file here has that name; if the shell put it there, "
            "quote the set: --nodes 'n[1-16]'"
        )
    return named


def nodes_engine(arguments: Arguments) -> "Engine":
    """What reaches the nodes.

    Raises:
        UsageError: there is no such engine, or others could change what the site says of it.
        OutsideError: what it needs is not installed here.
    """
    from envc.cluster import engine_of

    name: str = arguments.engine
    engine = engine_of(name, None if name in ENGINES else _engine_of_site(arguments))
    if not arguments.become:
        return engine
    from envc.cluster.become import BecomingRoot

    return BecomingRoot(engine)


def _engine_of_site(arguments: Arguments) -> "EngineSpec":
    from envc.cli.context import site_of
    from envc.disk.ownership import refuse_exposed

    site = site_of(arguments)
    engines, name = dict(site.spec.engines), arguments.engine
    if name not in engines:
        known = (*ENGINES, *engines)
        raise UsageError(
            f"there is no engine {name!r}",
            where="--engine",
            mend=meant(name, known, f"use one of {', '.join(known)}, or add an [engine.{name}]"),
        )
    refuse_exposed(site.folder)  # what it says is run
    return engines[name]


def limits_of(arguments: Arguments) -> "Limits":
    """How many nodes at once, and for how long."""
    from envc.model.nodes import Limits

    return Limits(fan_out=arguments.fan_out, timeout_seconds=float(arguments.timeout))


def signing_keys(arguments: Arguments) -> tuple[str, ...]:
    """The files of the keys to sign with; none: there is nothing to sign with."""
    default = os.environ.get("ENVC_SIGN_KEY")
    named: list[str] = arguments.sign or ([default] if default else [])
    return tuple(map(os.path.abspath, named))


def trusted_keys(arguments: Arguments) -> tuple[str, ...]:
    """The public keys that were given; none: none were."""
    if arguments.trust is None:
        return ()
    from envc.fleet.trust import keys_in_file

    return keys_in_file(arguments.trust)
