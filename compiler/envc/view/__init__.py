"""What a stack shows: Stack → View, the files a layer's tree holds beside its linked wheels."""

from envc.view.stack_file import RUNTIME_FILES
from envc.view.tree import plain_view, view

__all__ = ["RUNTIME_FILES", "plain_view", "view"]
