"""A site's files: found, read, and as values."""
