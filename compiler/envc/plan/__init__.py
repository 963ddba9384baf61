"""Locks, manifests and what stands on a disk → what is to be done, as values.

StoredTree of every wheel, View ──plan_tree──▶ TreePlan        (tree)
wanted and present ──changes_between──▶ Changes                (changes)
Manifest, differences ──plan_tree_repair──▶ TreeRepair         (repair)
"""
