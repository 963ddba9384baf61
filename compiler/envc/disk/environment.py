"""Amounts that variables of the environment set."""

import os

from envc.errors import UsageError


def amount_in(variable: str, unit: str, default: float, mend: str) -> float:
    """How much of a unit a variable sets; the default where it is not set, or empty.

    Raises:
        UsageError: it is no number from 0 on; `mend` says what to set it to.
    """
    text = os.environ.get(variable) or str(default)
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise UsageError(
            f"{variable} is {text!r}, which is no number of {unit}",
            mend=f"set it to {mend}, or unset it",
        )
    return amount
