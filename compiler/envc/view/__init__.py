"""What a stack shows: Stack → View, the files a layer's tree holds beside its linked wheels."""

from envc.view.tree import plain_view, view

__all__ = ["plain_view", "view"]
