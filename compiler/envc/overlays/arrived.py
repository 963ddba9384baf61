"""What a new overlay begins with, where somebody comes from another tool."""

from collections.abc import Iterator, Sequence
from typing import Any

from envc.arrivals import Chosen, left_out_of, read_arrival
from envc.errors import Fault
from envc.formats.arrived_spec import arrived_overlay_text
from envc.model.arrival import Arrival, ArrivedPins
from envc.model.value import value
from envc.reports.change import LeftOut

_SITE_SAYS = "the site says it for all its layers: ask its administrator"


@value
class Start:
    """What an overlay begins with, and what that was read from."""

    arrival: Arrival
    sources: str

    @property
    def pins(self) -> ArrivedPins:
        """What its first lock starts from."""
        return ArrivedPins(self.arrival.pins)

    def text(self, name: str, standing: dict[str, Any]) -> bytes:
        """The overlay's spec; `standing` are its keys that say what it stands on."""
        return arrived_overlay_text(name, standing, self.arrival, self.sources)

    def left_out(self) -> tuple[LeftOut, ...]:
        """What an overlay has no place for."""
        return left_out_of((*self.arrival.left_out, *self._of_the_site()))

    def _of_the_site(self) -> Iterator[Fault]:
        arrival = self.arrival
        for index in arrival.indexes:
            yield Fault("an index of its own", index.where, _SITE_SAYS)
        if arrival.prereleases:
            yield Fault("that prereleases are taken", "", _SITE_SAYS)
        for project in arrival.no_binary:
            yield Fault(f"that {project} is built from source", "", _SITE_SAYS)


def start_from(sources: Sequence[str], chosen: Chosen) -> Start:
    """What stands at these paths.

    Raises:
        UsageError, SpecError: as for `read_arrival`.
    """
    return Start(read_arrival(sources, chosen), ", ".join(sources))
