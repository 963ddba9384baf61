from pathlib import Path

import pytest

pytest.register_assert_rewrite("hostile.scene")

from hostile.scene import Scene  # noqa: E402 - after its asserts were registered


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """What hostile wheels must leave as it is; shared, because they do."""
    return Scene(tmp_path_factory.mktemp("scene"), tmp_path_factory.mktemp("inbox")).lay()


@pytest.fixture
def outbox(tmp_path: Path) -> Scene:
    """A store of its own, for wheels that are accepted."""
    (tmp_path / "inbox").mkdir()
    return Scene(tmp_path / "root", tmp_path / "inbox")
