"""The store: wheels unpacked once, in installed form, the source of every hard link."""

from envc.store.identity import store_id, tree_id
from envc.store.store import Store

__all__ = ["Store", "store_id", "tree_id"]
