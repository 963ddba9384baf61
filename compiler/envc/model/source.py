"""What of a folder of sources is its content: what a build is given, and what a lock is held to."""

NOT_SOURCES = frozenset({".git", ".hg", ".nox", ".tox", ".venv", "__pycache__"})
"""Names that no build needs, and that would change with every run of one."""
