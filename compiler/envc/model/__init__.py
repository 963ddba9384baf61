"""Frozen values: the words in which the phases speak to each other.

`digest`, `target`, `spec`, `release`, `resolution`, `lock`, `wheel`, `manifest`, `plan`,
`view`, `generation`, `stack`, `finding`. Nothing here does I/O or decides anything.
"""
