"""Numbers as Prometheus reads them from a file.

    metrics → text

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from envc.formats.harmless import harmless

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metric(NamedTuple):
    """A gauge: its name, what it says, and its values, each with its labels."""

    name: str
    told: str
    samples: Sequence[tuple[Mapping[str, str], int]]


def prometheus_text(metrics: Iterable[Metric]) -> Iterator[str]:
    """The lines of each metric that has a value, labels in their order."""
    for metric in metrics:
        if metric.samples:
            yield f"# HELP {metric.name} {metric.told}\n"
            yield f"# TYPE {metric.name} gauge\n"
        for labels, number in metric.samples:
            told = ",".join(f'{name}="{_value(text)}"' for name, text in labels.items())
            yield f"{metric.name}{{{told}}} {number}\n"


def _value(text: str) -> str:
    return harmless(text).translate(_ESCAPES)
