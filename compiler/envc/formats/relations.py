"""How an overlay differs from its base: the fields that say it, and the words that people read."""

RELATIONS = (
    ("adds", "adds"),
    ("shadows", "replaces"),
    ("lifts", "also moves"),
    ("hides", "hides"),
)
