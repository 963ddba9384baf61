"""envc compiles environment specs and locks into layered, hard-linked Python trees."""

__version__ = "0.1.0"
