"""What is known of an overlay and its base, to a verdict. No package code runs.

WheelContents of a base ──inventory_of──▶ Inventory          Subject on it ──judge──▶ Verdict
"""

from envc.check.basis import Basis, basis_of
from envc.check.collisions import collisions, layer_collisions
from envc.check.impact import Impact, ImpactKind, classify
from envc.check.interfaces import may_be_of_numpy_1, wanted_extensions
from envc.check.inventory import Inventory, inventory_of
from envc.check.judge import PASSES, judge, pins_of, restated, unreadable
from envc.check.libraries import wanted_libraries
from envc.check.subject import Scene, Subject
from envc.model.lock import LockState

__all__ = [
    "PASSES",
    "Basis",
    "Impact",
    "ImpactKind",
    "Inventory",
    "LockState",
    "Scene",
    "Subject",
    "basis_of",
    "classify",
    "collisions",
    "inventory_of",
    "judge",
    "layer_collisions",
    "may_be_of_numpy_1",
    "pins_of",
    "restated",
    "unreadable",
    "wanted_extensions",
    "wanted_libraries",
]
