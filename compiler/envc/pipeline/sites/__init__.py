"""A site on disk: found, read, and which machine reads it."""
