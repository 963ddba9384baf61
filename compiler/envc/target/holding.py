"""What holds when somebody ends a run: told of the disk as it is at that moment."""

from collections.abc import Callable, Iterable, Sequence

from envc.target.directory import Directory


def said_of_current(directory: Directory, inputs: Sequence[str] = ()) -> Callable[[], str]:
    """What to say of `current`, and of the spec and the lock that are written before it."""
    before, texts = directory.current_number(), _texts(inputs)

    def said() -> str:
        number = directory.current_number()
        told = f"{directory.path} is on generation {number}, as before"
        if number is None:
            told = f"nothing is in use in {directory.path} yet"
        elif number != before:
            told = f"{directory.path} is on generation {number} already"
        if not inputs:
            return told
        return (
            f"spec and lock are {'as they were' if _texts(inputs) == texts else 'written'}; {told}"
        )

    return said


def _texts(paths: Iterable[str]) -> list[bytes | None]:
    return [_text(path) for path in paths]


def _text(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
