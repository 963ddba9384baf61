"""What people come with: files of other tools and virtual environments, read as an `Arrival`."""

from envc.arrivals.read import Chosen, as_built, left_out_of, read_arrival

__all__ = ["Chosen", "as_built", "left_out_of", "read_arrival"]
