"""Frozen values: the words in which the phases speak to each other.

One file a subject: what a spec asks for, what an index offers, what was pinned, what a tree holds…
Nothing here does I/O or decides anything.
"""
