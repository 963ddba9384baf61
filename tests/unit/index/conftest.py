"""A wheelhouse, and an environment in which nothing of the machine counts."""

import pytest

from support.wheels import Recipe, build_all


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    for name in (
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NETRC"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("envc.index.client.BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr("envc.index.transport._authorities", lambda _: False)


@pytest.fixture
def house(tmp_path):
    folder = tmp_path / "house"
    recipes = [
        Recipe(name="six", version="1.9.0"),
        Recipe(
            name="six", version="1.16.0", requires=["attrs>=20; extra == 'all'"], extras=["all"]
        ),
        Recipe(name="six", version="1.16.0", tag="cp311-cp311-linux_x86_64"),
        Recipe(name="attrs", version="25.1", requires_python=">=3.8"),
    ]
    build_all(recipes, folder)
    (folder / "six-1.16.0.tar.gz").write_bytes(b"source")
    (folder / "six-1.0.egg").write_bytes(b"egg")
    return folder
