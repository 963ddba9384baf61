"""A private index, end to end: TLS by an authority of its own, a login for every request.

The password is found where the site's people may keep it, and nowhere afterwards.
"""

import base64
import os
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from support.index_server import IndexServer
from support.sites import SiteFolder, envc_process, over_url, python
from support.wheels import Recipe

USER, PASSWORD = "ann", "S3cret-of-ann"

LAYER = """\
[layer.user]
requires = ["six"]
"""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(authority, tmp_path):
    folder = tmp_path / "house"
    Recipe(name="six", version="1.17.0", files={"six.py": "x = 1\n"}).build(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with IndexServer(folder, login=(USER, PASSWORD), tls=context) as server:
        yield server


@pytest.fixture
def site(server, authority, tmp_path, monkeypatch):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    site = SiteFolder(tmp_path / "world", tmp_path / "house")
    return site.write(over_url("private", server.url, LAYER))


def by_environment(monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_PRIVATE_USERNAME", USER)
    monkeypatch.setenv("ENVC_INDEX_PRIVATE_PASSWORD", PASSWORD)


def by_netrc(monkeypatch):
    path = Path(os.environ["HOME"], ".netrc")
    path.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    path.chmod(0o600)


@dataclass
class Credential:
    username: str
    password: str


def by_keyring(monkeypatch):
    """A module in place of the library: what it keeps is the person's, and its own affair."""

    class Keyring:
        @staticmethod
        def get_credential(service, username):
            if service.startswith("https://127.0.0.1:") and username in (None, USER):
                return Credential(USER, PASSWORD)
            return None

    monkeypatch.setitem(sys.modules, "keyring", Keyring)


def texts_below(*folders):
    """The content of every file, and the names of all."""
    for folder in folders:
        for path, names, files in os.walk(folder):
            yield from (name.encode() for name in (*names, *files))
            for name in files:
                yield Path(path, name).read_bytes()


def refuse_secrets(*answers, folders):
    """The password is in no answer and no file, neither plain nor as a request carries it."""
    carried = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    for secret in (PASSWORD.encode(), carried):
        for answer in answers:
            assert secret not in (answer.stdout + answer.stderr).encode()
        for text in texts_below(*folders):
            assert secret not in text


@pytest.mark.parametrize("way", [by_environment, by_netrc, by_keyring])
def test_the_password_is_used_and_told_to_nobody(way, site, server, monkeypatch):
    way(monkeypatch)
    answers = [site.done("lock", "-v"), site.done("lock", "--json", "--upgrade")]
    site.edit('"six"]', '"six"]\n[layer.top]\nbase = "user"\nrequires = ["six"]')
    answers.append(site.done("lock", "-vv"))
    answers.append(site.done("materialize", "--target", site.target, "-v"))
    assert python(site.target / "user", "import six; print(six.x)") == "1"
    assert "/files/six-1.17.0-py3-none-any.whl" in server.paths()
    folders = (site.folder, site.target, os.environ["ENVC_CACHE_DIR"])
    refuse_secrets(*answers, folders=folders)


def test_the_password_in_the_url_of_the_environments_index(site, server, monkeypatch):
    """The one place where a URL with a password is no file of the site."""
    site.edit(f'[[index]]\nname = "private"\nurl = "{server.url}"\n', "")
    monkeypatch.setenv("ENVC_INDEX_URL", server.url_with(USER, PASSWORD))
    answers = [
        site.done("lock", "-v"),
        site.done("materialize", "--target", site.target, "-v"),
    ]
    folders = (site.folder, site.target, os.environ["ENVC_CACHE_DIR"])
    refuse_secrets(*answers, folders=folders)


def test_a_wrong_password_is_an_error_that_does_not_tell_it(site, server, monkeypatch):
    by_environment(monkeypatch)
    server.login = (USER, "another")
    answers = [site.envc("lock", *words) for words in ((), ("-vv",), ("--json",))]
    assert [answer.status for answer in answers] == [4, 4, 4]
    assert answers[0].stderr == (
        "error: index 'private' refuses access (401 Unauthorized)\n"
        f"   at: {server.url}/six/\n"
        " help: give credentials: in ~/.netrc, in ENVC_INDEX_PRIVATE_USERNAME and "
        "ENVC_INDEX_PRIVATE_PASSWORD, in the keyring, or in the index's URL\n"
    )
    refuse_secrets(*answers, folders=(site.folder, os.environ["ENVC_CACHE_DIR"]))


def test_a_keyring_that_is_locked_is_none(site, server, monkeypatch):
    class Keyring:
        @staticmethod
        def get_credential(service, username):
            raise RuntimeError(PASSWORD)

    monkeypatch.setitem(sys.modules, "keyring", Keyring)
    answer = site.envc("lock", "-vv")
    assert answer.status == 4
    refuse_secrets(answer, folders=(site.folder, os.environ["ENVC_CACHE_DIR"]))


def test_a_download_that_the_server_refuses(site, server, monkeypatch):
    by_environment(monkeypatch)
    site.done("lock")
    server.login = (USER, "another")
    answer = site.envc("materialize", "--target", site.target, "-vv")
    assert answer.status == 4
    assert "refuses access (401 Unauthorized)" in answer.stderr
    refuse_secrets(answer, folders=(site.folder, os.environ["ENVC_CACHE_DIR"]))


def test_an_authority_that_nobody_knows(site, monkeypatch):
    by_environment(monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr("envc.index.client.BACKOFF_SECONDS", 0.0)
    answer = site.envc("lock")
    assert answer.status == 4
    assert "certificate verify failed" in answer.stderr


@pytest.mark.slow
def test_a_process_of_its_own_finds_them_too(site, monkeypatch):
    by_environment(monkeypatch)
    answer = envc_process("lock", "-vv", cwd=site.folder)
    assert answer.status == 0, answer.stderr
    refuse_secrets(answer, folders=(site.folder, os.environ["ENVC_CACHE_DIR"]))
