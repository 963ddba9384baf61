"""`schemas/`: fresh, and true of what envc reads, writes and prints."""

import json
import tomllib
import zipfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from envc.cli import schemas
from envc.cli.commands import COMMANDS
from envc.formats.envc_toml import TEMPLATE as SITE_TEMPLATE
from envc.formats.overlay_toml import TEMPLATE as OVERLAY_TEMPLATE
from support.sites import Answer, SiteFolder, envc, envc_process

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}-v1.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(name: str, value: Any) -> list[str]:
    """What the schema of that name finds wrong, each with its path."""
    return [f"{e.json_path}: {e.message}" for e in validator(name).iter_errors(value)]


def from_toml(text: str) -> Any:
    """TOML as JSON has it: dates as strings."""
    value = tomllib.loads(text)
    return json.loads(json.dumps(value, default=lambda v: v.isoformat()))


def output_of(name: str, answer: Answer, status: int = 0) -> Any:
    """The object that a command printed, which fits its schema."""
    assert answer.status == status, answer.stderr
    assert faults(f"output-{name}", answer.json) == []
    return answer.json


def test_fresh() -> None:
    assert schemas.stale(str(SCHEMAS)) == [], "run `make schemas`"


def test_what_init_from_writes_fits(tmp_path: Path) -> None:
    text = f"six==1.0 --hash=sha256:{64 * chr(48)}\n-f there\n"
    (tmp_path / "requirements.txt").write_text(text)
    answer = envc("init", "site", "--from", "requirements.txt", "--json", cwd=tmp_path)
    output_of("init-from", answer)
    pins = (tmp_path / "site/pins.user.toml").read_text()
    assert faults("pins", from_toml(pins)) == []


def test_check_names_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path)
    schemas.write(folder)
    (tmp_path / "envc-v1.schema.json").write_text("{}\n")
    (tmp_path / "nothing-v1.schema.json").write_text("{}\n")
    assert schemas.main(["--check", folder]) == 1
    assert capsys.readouterr().err == (
        f"error: {folder}/envc-v1.schema.json is stale\n help: run `make schemas`\n"
        f"error: {folder}/nothing-v1.schema.json is stale\n help: run `make schemas`\n"
    )
    assert schemas.main([folder]) == 0
    assert schemas.main(["--check", folder]) == 0


def test_every_schema_is_one_and_has_its_own_id() -> None:
    names = sorted(path.name for path in SCHEMAS.glob("*.schema.json"))
    loaded = [json.loads((SCHEMAS / name).read_text()) for name in names]
    for schema in loaded:
        Draft202012Validator.check_schema(schema)
    assert [schema["$id"].rpartition(":")[2] + ".schema.json" for schema in loaded] == names


def test_every_command_has_its_output_described() -> None:
    described = {entry.name for entry in schemas.entries()}
    assert {f"output-{command}" for command in COMMANDS} - described == set()


@pytest.mark.parametrize("site", ["quickstart", "sci"])
def test_sample_sites_fit(site: str) -> None:
    text = (ROOT / f"fixtures/sites/{site}/envc.toml").read_text()
    assert faults("envc", from_toml(text)) == []


@pytest.mark.parametrize("spec", ["overlays/alice.toml", "conflicts/bob.toml"])
def test_sample_overlays_fit(spec: str) -> None:
    text = (ROOT / "fixtures/sites/quickstart" / spec).read_text()
    assert faults("overlay", from_toml(text)) == []


def test_templates_fit() -> None:
    assert faults("envc", from_toml(SITE_TEMPLATE.format(name="canopy", python="3.11"))) == []
    assert faults("overlay", from_toml(OVERLAY_TEMPLATE.format(name="a", base="user"))) == []


def test_every_key_of_a_site_fits() -> None:
    text = """
        version = 1
        site = { name = "canopy" }
        core = { python = "3.11", interpreter = "/usr/bin/python3.11" }
        sources = { mpi4py = "site" }
        index = [{ name = "site", url = "https://example.org/simple", explicit = true }]
        retain = { generations = 2, days = 30 }
        overlays = { storage = "/shared", specs = ["*.toml"], shadow = "never" }
        [[target]]
        name = "compute"
        platform = "linux-x86_64"
        libc = "glibc-2.28"
        python-full = "3.11.7"
        cpu = "x86-64-v2"
        [layer.user]
        base = "core"
        requires = ["numpy"]
        constraints = ["numpy<3"]
        overrides = []
        mode = "managed"
        env = { OMP_NUM_THREADS = "1" }
        modules = ["openmpi/4.1"]
        [resolver]
        prereleases = "if-necessary"
        exclude-newer = 2026-11-01T00:00:00Z
        no-build = true
        no-binary = []
        resolution = "highest"
    """
    value = from_toml(text)
    assert isinstance(datetime.fromisoformat(value["resolver"]["exclude-newer"]), datetime)
    assert faults("envc", value) == []


def test_unknown_keys_and_newer_formats_do_not_fit() -> None:
    site = from_toml(SITE_TEMPLATE.format(name="canopy", python="3.11"))
    site["version"] = 2
    site["core"]["pyhton"] = "3.11"
    assert sorted(faults("envc", site)) == [
        "$.core: Additional properties are not allowed ('pyhton' was unexpected)",
        "$.version: 1 was expected",
    ]


def test_init_and_an_error_fit(tmp_path: Path) -> None:
    output_of("init", envc("init", tmp_path / "site", "--json"))
    answer = envc("init", tmp_path / "site", "--json")
    assert output_of("error", answer, status=2)["error"]["code"] == "usage"


def _outputs_about_an_overlay(site: SiteFolder, folder: Path) -> None:
    target = ("--target", site.target)
    output_of("overlay-list", site.envc("overlay", "list", "--all", *target, "--json"))
    output_of("overlay-collect", site.envc("overlay", "collect", "--json"))
    output_of("overlay-pack", site.envc("overlay", "pack", "--dir", folder, "--json"))
    with zipfile.ZipFile(folder / "packed.envc") as bundle:
        assert faults("bundle", json.loads(bundle.read("bundle.json"))) == []
    output_of("bundle", site.envc("bundle", "-o", site.root / "site.envc", "--json"))
    output_of("stage", site.envc("stage", folder, "--to", site.root / "disk", "--json"))
    output_of("diff", site.envc("diff", site.target, folder, "--json"), status=1)
    output_of("export", site.envc("export", "--flat", "--json"))
    output_of("export", site.envc("export", "--to", site.root / "flat", "--json"))
    output_of("doctor", site.envc("doctor", "--overlay", folder, "--json"))


@pytest.mark.slow
def test_files_and_outputs_of_a_whole_job_fit(tmp_path: Path, recipes: Path) -> None:
    site = SiteFolder(tmp_path, recipes).write()
    spec = site.overlay("alice", 'requires = ["polars"]', 'hide = ["scipy"]')
    folder = site.storage / "alice"
    folder.mkdir(parents=True)
    (folder / "overlay.toml").write_text(spec.read_text())
    target = ("--target", site.target)

    output_of("lock", site.envc("lock", "--json"))
    output_of("materialize", site.envc("materialize", *target, "--json"))
    output_of("overlay", site.envc("overlay", "sync", "--dir", folder, *target, "--json"))
    output_of("check", site.envc("check", folder / "overlay.toml", "--json"))
    output_of("check", site.envc("check", "--json"))
    output_of("tree", site.envc("tree", "--json"))
    output_of("why", site.envc("why", "numpy", "--json"))
    output_of("verify", site.envc("verify", *target, "--json"))
    _outputs_about_an_overlay(site, folder)
    output_of("repair", site.envc("repair", *target, "--json"))
    output_of("error", site.envc("rollback", *target, "--json"), status=2)
    site.edit('requires = ["report"]', 'requires = ["report", "six"]')
    site.done("lock")
    site.materialize()
    output_of("rollback", site.envc("rollback", *target, "--json"))
    output_of("generations", site.envc("generations", *target, "--json"))
    output_of("cache", site.envc("cache", "dir", "--json"))
    output_of("gc", site.envc("gc", *target, "--json"))
    run = ("run", "--layer", "user", *target, "--json", "--", "true")
    output_of("run", envc_process(*run, cwd=site.folder))

    for lock in (site.folder / "pylock.user.toml", folder / "pylock.alice.toml"):
        assert faults("lock", from_toml(lock.read_text())["tool"]["envc"]) == []
    for place in (site.target, folder):
        assert faults("location", from_toml((place / "location.toml").read_text())) == []
        manifest = (place / "current/manifest.json").read_text()
        assert faults("generation", json.loads(manifest)) == []
        found = sorted((place / "store").glob("wheels/*/facts.json"))
        assert found
        for path in found:
            assert faults("facts", json.loads(path.read_text())) == []
