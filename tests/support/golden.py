"""Expected outputs in files: `pytest --update-golden` writes them, a review accepts them."""

from pathlib import Path


def compare(path: Path, found: str, *, update: bool) -> None:
    """Assert that `found` is what the file holds; with `update`, write it there first."""
    if update:
        path.write_text(found)
    assert path.exists(), f"{path.name} is missing: run pytest --update-golden and review it"
    assert found == path.read_text()
