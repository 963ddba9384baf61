"""Indexes: what they list, the metadata of what they list, and the wheels themselves.

The network and its cache, behind `ports.CandidateSource`; materialize gets wheels by the fetcher.
"""

from envc.index.configuration import default_index, public_index
from envc.index.credentials import for_people, without_credentials
from envc.index.promises import broken_promises
from envc.index.source import IndexSource
from envc.index.wheel_files import WheelFiles

__all__ = [
    "IndexSource",
    "WheelFiles",
    "broken_promises",
    "default_index",
    "for_people",
    "public_index",
    "without_credentials",
]
