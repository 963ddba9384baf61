"""The sample sites from the real index: `make test-network`."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.real_sites import (
    UV,
    assert_consistent,
    copied,
    declared,
    envc,
    failed_imports,
    layers_of,
    lent,
    pins_of_uv,
)

pytestmark = [pytest.mark.network, pytest.mark.slow]

# What is on an index and cannot be imported by itself, by layer; each with the reason.
NOT_FOR_IMPORT = {
    "system": {"matplotlib_inline"},  # a backend for matplotlib, which that layer does not have
    "user": set[str](),
}


def locked(name: str, factory: pytest.TempPathFactory) -> Path:
    """A copy of a sample site, locked."""
    folder = copied(name, factory.mktemp("sites") / name)
    assert envc(folder, "lock").status == 0
    return folder


@pytest.fixture(scope="module", params=["quickstart", "sci"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of a sample site, locked, and materialized in `target`."""
    yield from lent(request.param, tmp_path_factory.mktemp("sites") / request.param)


def test_a_second_lock_and_a_second_materialize_change_nothing(site: Path) -> None:
    locked = envc(site, "lock", "--json")
    assert (locked.status, locked.json["changed"]) == (0, False)
    again = envc(site, "materialize", "--target", "target", "--json")
    assert (again.status, again.json["changed"], again.json["generation"]) == (0, False, 1)


def test_a_lock_from_nothing_is_the_same(site: Path, tmp_path: Path) -> None:
    (tmp_path / "envc.toml").write_text((site / "envc.toml").read_text())
    assert envc(tmp_path, "lock").status == 0
    for layer in layers_of(site / "target"):
        name = f"pylock.{layer}.toml"
        assert (tmp_path / name).read_bytes() == (site / name).read_bytes()


@pytest.mark.parametrize("name", ["quickstart", "sci", "services"])
def test_the_pins_are_those_of_uv(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = locked(name, tmp_path_factory)
    tables = tomllib.loads((site / "envc.toml").read_text())
    for layer, table in tables["layer"].items():
        lock = tomllib.loads((site / f"pylock.{layer}.toml").read_text())
        pins = {pin["name"]: pin["version"] for pin in lock["packages"]}
        assert pins == pins_of_uv([*table["requires"], *table.get("constraints", ())])


def test_another_target_has_the_same_digests(site: Path) -> None:
    answer = envc(site, "materialize", "--target", "another", "--json")
    assert answer.status == 0, answer.stderr
    digests = {name: layer["digest"] for name, layer in answer.json["layers"].items()}
    assert digests == {name: layer["digest"] for name, layer in layers_of(site / "target").items()}


def test_the_target_is_as_it_was_published(site: Path) -> None:
    answer = envc(site, "verify", "--target", "target", "--json")
    assert (answer.status, answer.json["problems"]) == (0, [])


def test_pip_and_uv_find_every_layer_consistent(site: Path) -> None:
    for layer in layers_of(site / "target"):
        python = f"{site}/target/{layer}/bin/python"
        assert_consistent(sys.executable, "-m", "pip", "--python", python, "check")
        assert_consistent(UV, "pip", "check", "--python", python)


def test_every_top_level_module_imports(site: Path) -> None:
    for name, layer in layers_of(site / "target").items():
        importable = declared(layer, site / "target/store") - NOT_FOR_IMPORT[name]
        assert failed_imports(f"{site}/target/{name}/bin/python", importable) == {}
