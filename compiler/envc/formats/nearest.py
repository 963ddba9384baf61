"""What a person who mistyped a word may have meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like it; None: none is near."""
    from difflib import get_close_matches  # few words are mistyped

    return next(iter(get_close_matches(word, known, 1)), None)


def mend_of(word: str, known: Iterable[str], otherwise: str, joined: str = "") -> str:
    """How to mend a word that is not known: a question if one is near, `joined` to what else."""
    near = nearest(word, known)
    return f"did you mean {near}? {joined}{otherwise}" if near is not None else otherwise
