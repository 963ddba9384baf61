"""Verdicts on random overlays of the sites `ai` and `airflow`: `make trial-verdicts`.

    python test_verdicts.py SITE SEED SEED    those between, one line each

The site stays in build/network for further ranges; blocks of seeds may run side by side.

Each overlay asks for one to four projects of its field, new ones and others than the base has.
Where `envc check` says ok, uv finds a solution, too, the overlay is built, `pip check` finds
nothing, and every module that its wheels declare can be imported, or in a flat environment neither;
so can those of its base, where it replaces some of that. Where it says no, uv finds no solution.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.real_sites import (
    ROOT,
    above_by_uv,
    assert_consistent,
    declared,
    envc,
    failed_in_overlay_alone,
    layers_of,
    materialized,
    removed,
)

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

EACH = 100
BLOCK = 25
TIMES = 3
NEW = {
    "ai": (
        "einops", "polars", "sentencepiece", "rapidfuzz", "seqeval", "tiktoken", "sacremoses",
        "nltk", "lightgbm", "hmmlearn", "optuna", "equinox", "jaxtyping", "diffrax", "numpyro",
        "distrax", "imbalanced-learn", "skl2onnx", "altair", "evaluate", "tensorboardX", "gensim",
        "umap-learn", "jiwer", "rouge-score", "blackjax", "lightgbm<4.4", "spacy-legacy",
    ),
    "airflow": (
        *(
            f"apache-airflow-providers-{name}"
            for name in (
                "ftp", "redis", "imap", "sftp", "mongo", "celery", "docker", "git", "github",
                "telegram", "discord", "pagerduty", "opensearch", "elasticsearch", "jdbc", "neo4j",
                "trino", "dbt-cloud", "common-messaging", "openlineage", "grpc", "samba", "tableau",
                "zendesk", "opsgenie", "datadog", "airbyte", "influxdb", "fab",
            )
        ),
        "polars", "astronomer-cosmos", "great-expectations", "pandas", "dbt-core", "croniter",
    ),
}  # fmt: skip
OTHER = {
    "ai": (
        "transformers<5", "tokenizers<0.22", "huggingface-hub<2", "huggingface-hub<1", "numpy<2.4",
        "numpy<2.3", "numpy<2", "numpy<1.24", "scipy<1.16", "pandas<3", "pandas<2", "protobuf<6",
        "protobuf<5", "pyarrow<22", "pyarrow<15", "datasets<4", "scikit-learn<1.7", "jax<0.9",
        "jax<0.8", "flax<0.12", "flax<0.10", "onnx<1.20", "onnxruntime<1.23", "ml-dtypes<0.5",
        "optax<0.2.6", "orbax-checkpoint<0.11", "fsspec<2025", "typing-extensions<4.12",
        "click<8.2", "httpx2<2", "pyyaml<6", "rich<14", "packaging<24", "tqdm<4.66", "dill<0.4",
        "regex<2025", "safetensors<0.6", "joblib<1.5", "chex", "tensorstore<0.1.70", "jaxlib<0.10",
    ),
    "airflow": (
        "apache-airflow-providers-slack<9.11", "apache-airflow-providers-http<6",
        "apache-airflow-providers-http<5", "apache-airflow-providers-ssh<6",
        "apache-airflow-providers-postgres<7", "apache-airflow-providers-postgres<6",
        "apache-airflow-providers-sqlite<4.2", "apache-airflow-providers-standard<1.10",
        "apache-airflow-providers-smtp<2.4", "apache-airflow-providers-common-sql<1.30",
        "apache-airflow<3.2", "apache-airflow<3", "apache-airflow-core<3.1", "sqlalchemy<2.1",
        "sqlalchemy<2", "fastapi<0.117", "fastapi<0.100", "pydantic<2.12", "pydantic<2",
        "pendulum<3.1", "pendulum<3", "jinja2<3.1.6", "attrs<25", "requests<2.32",
        "cryptography<46", "cryptography<42", "structlog<25.5", "opentelemetry-api<1.36",
        "paramiko<4", "rich<14", "packaging<25", "starlette<0.47", "alembic<1.16", "urllib3<2.5",
        "urllib3<2", "click<8.2",
        "httpx<0.28", "slack-sdk<3.30", "aiohttp<3.12", "psycopg2-binary<2.9.10", "uvicorn<0.30",
    ),
}  # fmt: skip


def requires(site: str, seed: int) -> list[str]:
    """What the overlay of a seed asks for; two lines may be about one project."""
    draw = random.Random(seed)
    some = draw.choice(((1, 1), (2, 0), (1, 2), (0, 1), (3, 0), (0, 2), (2, 1)))
    return [*draw.sample(NEW[site], some[0]), *draw.sample(OTHER[site], some[1])]


@pytest.fixture(scope="module", params=["ai", "airflow"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = materialized(request.param, tmp_path_factory.mktemp("verdicts") / request.param)
    yield folder
    removed(folder)


@pytest.mark.parametrize("seed", range(EACH))
def test_a_verdict_is_true(site: Path, seed: int) -> None:
    proved(site, seed)


def proved(site: Path, seed: int) -> str:
    """Hold the verdict on the overlay of a seed against what happens; what it was, in words.

    Overlays of a block of seeds are one folder, asked anew: what one has unpacked, the next finds.
    """
    asked = requires(site.name, seed)
    folder = site / f"overlay-{seed // BLOCK}"
    folder.mkdir(exist_ok=True)
    spec = folder / "overlay.toml"
    listed = ", ".join(f'"{line}"' for line in asked)
    head = f'version = 1\n[overlay]\nname = "overlay"\nbase = "{top_of(site)}"'
    spec.write_text(f"{head}\nrequires = [{listed}]\n")
    (folder / "pylock.overlay.toml").unlink(missing_ok=True)
    found = verdict(site, spec)
    by_uv = above_by_uv(site, spec)
    if not found["ok"]:
        told = [finding["message"] for finding in found["findings"]]
        assert by_uv is None, f"{asked}: uv finds {by_uv}; {told}"
        return "no"
    assert by_uv is not None, f"{asked}: uv finds no solution"
    replaced = len(found["shadows"] + found["lifts"])
    _assert_built(site, folder, asked, below=replaced > 0)
    return f"ok, {len(found['adds'])} added, {replaced} replaced"


def verdict(site: Path, spec: Path) -> dict[str, Any]:
    """What a check says; it is asked again, as it tells to, where a wheel was late."""
    for _ in range(TIMES):
        answer = envc(site, "check", spec, "--json")
        assert answer.status in (0, 1), answer.stderr
        (found,) = answer.json["overlays"]
        if all(finding["code"] != "ENVC410" for finding in found["findings"]):
            break
    return dict(found)


def _assert_built(site: Path, folder: Path, asked: list[str], *, below: bool) -> None:
    """The overlay is built, holds together, and all that its wheels declare can be imported.

    Args:
        below: Import what the wheels of its base declare, too; of each package the top.
    """
    answer = envc(site, "overlay", "sync", "--dir", folder, "--target", "target", "--json")
    assert answer.status == 0, f"{asked}: {answer.stderr}"
    tree = folder / "bin/python"
    assert_consistent(sys.executable, "-m", "pip", "--python", tree, "check")
    (layer,) = layers_of(folder).values()
    names = declared(layer, folder / "store")
    for base in layers_of(site / "target").values() if below else ():
        names.update(name for name in declared(base, site / "target/store") if "." not in name)
    failed = failed_in_overlay_alone(folder, names)
    assert not failed, f"{asked}: {failed}"


def top_of(site: Path) -> str:
    """The layer that overlays stand on."""
    return {"ai": "models", "airflow": "user"}[site.name]


if __name__ == "__main__":
    name, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    running = materialized(name, ROOT / f"build/network/verdicts/{name}")
    for each in range(first, last):
        try:
            words = proved(running, each)
        except AssertionError as error:
            words = f"FAILED {error}"
        sys.stdout.write(f"{each} {requires(name, each)}: {words}\n")
        sys.stdout.flush()
