"""What a person who mistyped a word may have meant."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known word that is most like it; None: none is near. `least` of 0 to 1 is alike."""
    from difflib import get_close_matches  # few words are mistyped

    return next(iter(get_close_matches(word, known, 1, least)), None)


def use_one_of(word: str, known: Iterable[str]) -> str:
    """How to mend a name that stands for one of the known ones, and is none of them."""
    names = list(known)
    return mend_of(word, names, f"use {', '.join(names)}")


def mend_of(word: str, known: Iterable[str], otherwise: str, joined: str = "") -> str:
    """How to mend a word that is not known: a question if one is near, `joined` to what else."""
    near = nearest(word, known)
    return f"did you mean {near}? {joined}{otherwise}" if near is not None else otherwise
