"""Where wheels come from: indexes, folders, builds, and projects used where they stand."""
