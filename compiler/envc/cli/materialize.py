"""`envc materialize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXAMPLE = "envc materialize --target /usr/local/Canopy"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from envc.cli.trust_options import add_trust_option

    parser.add_argument("--target", required=True, metavar="DIR", help="the target directory")
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        metavar="L",
        help="build this layer, keep the others",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="a bundle, or a folder of wheels to take first",
    )
    parser.add_argument("--offline", action="store_true", help="ask no index")
    parser.add_argument(
        "--link-mode",
        choices=["auto", "hardlink", "copy"],
        default="auto",
        help="auto: hard links where they work, else copies",
    )
    add_trust_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Materialize, or find that nothing is to be done."""
    from envc.cli.context import context_of
    from envc.cli.output import counted, print_json, say
    from envc.cli.trust_options import trusted_keys
    from envc.commands.materialize import MaterializeOptions, materialize

    options = MaterializeOptions(
        target=arguments.target,
        layers=tuple(arguments.layer),
        source=arguments.source,
        link_mode=arguments.link_mode,
        keys=trusted_keys(arguments),
    )
    done = materialize(arguments.site, options, context_of(arguments, offline=arguments.offline))
    if arguments.json:
        from envc.commands.materialize import materialize_report

        print_json(materialize_report(done))
        return 0
    state = "nothing to do: on"
    if done.changed:
        state = "switched to" if done.switched else "still on"
    say(arguments, f"{done.target}: {state} generation {done.generation.generation}")
    if done.policy:
        say(arguments, "  what the site says about overlays holds now")
    for word, names in (("restored", done.restored), ("removed", done.removed)):
        if names:
            say(arguments, f"  {word} {', '.join(names)}")
    for name, layer in done.generation.layers.items():
        wheels = counted(layer.distributions, "distribution")
        say(arguments, f"  {name}: {wheels}, {layer.files} files ({layer.copied} copied)")
    return 0
