import sys

import pytest

from envc.errors import UsageError
from envc.index import transport


def proxies_of(environ, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with transport.open_client({}, backoff_seconds=0) as client:
        direct = client._transport
        return lambda url: client._transport_for_url(transport.httpx.URL(url)) is not direct


def test_proxies_of_the_environment_count(monkeypatch):
    is_proxied = proxies_of(
        {
            "https_proxy": "http://proxy:3128",
            "http_proxy": "proxy:3128",
            "no_proxy": "inside.org, .corp,10.0.0.1,::1",
        },
        monkeypatch,
    )
    assert is_proxied("https://outside.org/simple")
    assert is_proxied("http://outside.org/simple")
    for host in ("inside.org", "a.inside.org", "x.corp", "10.0.0.1", "[::1]"):
        assert not is_proxied(f"https://{host}/simple"), host
    assert is_proxied("https://notinside.org/")


def test_no_proxy_for_anybody(monkeypatch):
    is_proxied = proxies_of({"https_proxy": "http://proxy:3128", "no_proxy": "*"}, monkeypatch)
    assert not is_proxied("https://outside.org/simple")


def test_a_proxy_that_is_none(monkeypatch):
    monkeypatch.setenv("https_proxy", "gopher://ann:s3cret@proxy")
    with pytest.raises(UsageError) as caught:
        transport.open_client({}, backoff_seconds=0)
    assert str(caught.value) == (
        "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY: "
        "a proxy of the environment cannot be used\n  help: give it as http://host:port"
    )


def test_certificates_that_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.undo()
    path = tmp_path / "none.pem"
    with pytest.raises(UsageError) as caught:
        transport.open_client({"PIP_CERT": str(path)}, backoff_seconds=0)
    assert str(caught.value) == (
        f"PIP_CERT={path}: no certificates can be read: No such file or directory\n"
        "  help: let PIP_CERT name a bundle of certificates, or unset it"
    )


def test_the_package_is_light_to_import():
    import subprocess

    heavy = "{'httpx', 'pypi_simple', 'zipfile', 'email.parser', 'netrc', 'pydantic'}"
    code = f"import sys, envc.index; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
