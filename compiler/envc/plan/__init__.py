"""Stored trees and a view to the exact operations that make a layer's tree.

StoredTree of every wheel, View ──plan_tree──▶ TreePlan ──broken_invariants──▶ ()
"""

from envc.plan.invariants import broken_invariants
from envc.plan.tree import StoredTree, manifest_of_plan, plan_tree

__all__ = ["StoredTree", "broken_invariants", "manifest_of_plan", "plan_tree"]
