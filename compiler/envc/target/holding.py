"""What holds when somebody ends a run: told of the disk as it is at that moment."""

from collections.abc import Callable, Sequence

from envc.disk.digests import known_bytes
from envc.target.directory import Directory


def said_of_current(directory: Directory, inputs: Sequence[str] = ()) -> Callable[[], str]:
    """What to say of `current`, and of the spec and the lock that are written before it."""
    before, texts = directory.current_number(), list(map(known_bytes, inputs))

    def said() -> str:
        number = directory.current_number()
        told = f"{directory.path} is on generation {number}, as before"
        if number is None:
            told = f"nothing is in use in {directory.path} yet"
        elif number != before:
            told = f"{directory.path} is on generation {number} already"
        if not inputs:
            return told
        is_so = list(map(known_bytes, inputs)) == texts
        return f"spec and lock are {'as they were' if is_so else 'written'}; {told}"

    return said
