"""The options of commands that speak to many nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from envc.fleet.asking import Nodes
    from envc.model.nodes import Limits


def add_node_options(parser: argparse.ArgumentParser) -> None:
    """Which nodes, through which engine, how many at once and for how long."""
    parser.add_argument(
        "--nodes", required=True, metavar="SET", help="which nodes: n[1-16], @group"
    )
    parser.add_argument(
        "--target",
        required=True,
        metavar="DIR",
        help="the target directory on each node; {node} in it is the node's name",
    )
    parser.add_argument("--state", metavar="DIR", help="a folder that every node sees")
    add_engine_options(parser)


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Through which engine nodes are reached, how many at once and for how long."""
    from envc.cluster import ENGINES

    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="clustershell",
        help="clustershell: by ssh (the default); slurm: by srun; local: on this machine",
    )
    parser.add_argument(
        "--fan-out", type=positive, default=64, metavar="N", help="nodes at once (64)"
    )
    parser.add_argument(
        "--timeout",
        type=positive,
        default=1800,
        metavar="SECONDS",
        help="how long a node may take for a step (1800)",
    )


def asked_nodes(arguments: argparse.Namespace) -> Nodes:
    """The nodes that these options name, and how to ask them."""
    import os

    from envc.fleet.asking import Nodes

    target = os.path.abspath(arguments.target)
    return Nodes(nodes=arguments.nodes, target=target, limits=limits_of(arguments))


def limits_of(arguments: argparse.Namespace) -> Limits:
    """The limits that these options describe."""
    from envc.model.nodes import Limits

    return Limits(fan_out=arguments.fan_out, timeout_seconds=float(arguments.timeout))


def positive(text: str) -> int:
    """A number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
