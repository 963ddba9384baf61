"""Resolutions to locks, locks to what the next resolution starts from, and staleness.

spec, Base ──layer_problem──▶ Problem        Resolution of every target group ──lock_layer──▶ Lock
"""

from envc.lock.base import CORE_BASE, Base, closure_digest, on_layer, on_overlay
from envc.lock.inputs import layer_inputs, overlay_inputs
from envc.lock.merge import lock_layer, locked_wheel
from envc.lock.problem import ProblemOf, beside, layer_problem, overlay_problem, visible_problem
from envc.lock.select import pinned_versions, select_wheels, with_absolute_paths
from envc.lock.targets import target_groups
from envc.lock.together import resolve_together, shared_packages

__all__ = [
    "CORE_BASE",
    "Base",
    "ProblemOf",
    "beside",
    "closure_digest",
    "layer_inputs",
    "layer_problem",
    "lock_layer",
    "locked_wheel",
    "on_layer",
    "on_overlay",
    "overlay_inputs",
    "overlay_problem",
    "pinned_versions",
    "resolve_together",
    "select_wheels",
    "shared_packages",
    "target_groups",
    "visible_problem",
    "with_absolute_paths",
]
