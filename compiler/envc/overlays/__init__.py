"""An overlay from its spec to its tree, and its ways to nodes."""
