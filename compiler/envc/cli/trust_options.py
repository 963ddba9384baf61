"""The options of commands that sign, and of those that ask who has signed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_sign_option(parser: argparse.ArgumentParser) -> None:
    """With which private keys to sign."""
    parser.add_argument(
        "--sign",
        action="append",
        metavar="KEY",
        help="sign with this private key, or with the agent's for this .pub; may be repeated "
        "(default: ENVC_SIGN_KEY)",
    )


def signing_keys(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The files of the keys to sign with; none: there is nothing to sign with."""
    default = os.environ.get("ENVC_SIGN_KEY")
    named: list[str] = arguments.sign or ([default] if default else [])
    return tuple(map(os.path.abspath, named))


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Whose signature to take."""
    parser.add_argument(
        "--trust",
        metavar="FILE",
        help="public keys, one a line: take only what one of them has signed "
        "(default: what this target has noted)",
    )


def trusted_keys(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The public keys that were given; none: none were."""
    if arguments.trust is None:
        return ()
    from envc.fleet.trust import keys_in_file

    return keys_in_file(arguments.trust)
