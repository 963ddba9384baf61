import sys
from types import ModuleType, SimpleNamespace

import pytest

from envc.disk.ownership import is_left_alone
from envc.index.credentials import Credentials, Login, for_people, without_credentials
from envc.model.spec import IndexSpec


def test_urls_lose_their_credentials():
    assert without_credentials("https://ann:p%40@h:1/x@y") == "https://h:1/x@y"
    assert without_credentials("https://h/x@y") == "https://h/x@y"
    assert without_credentials("https://a@b:c@h/") == "https://h/"
    assert without_credentials("https://h?x=a@b") == "https://h?x=a@b"
    assert for_people("https://ann:pw@h/x?signature=1") == "https://h/x"


def test_the_nearest_index_of_the_origin_counts(tmp_path):
    indexes = [
        IndexSpec(name="one", url="https://ann:p%40ss@host/one/simple"),
        IndexSpec(name="two", url="https://bob@host:443/two/simple"),
        IndexSpec(name="house", path="wheels"),
    ]
    credentials = Credentials(indexes, {"HOME": str(tmp_path), "ENVC_INDEX_TWO_PASSWORD": "pw"})
    assert credentials.login("https://host/one/files/a.whl") == Login("ann", "p@ss")
    assert credentials.login("https://host/two/files/a.whl") == Login("bob", "pw")
    assert credentials.login("http://host/one/simple/") is None
    assert credentials.login("https://other/one/simple/") is None
    assert credentials.login("https://[bad") is None
    assert repr(Login("ann", "p@ss")) == "Login(…)"


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("machine host login ann password pw\n", Login("ann", "pw")),
        ("machine other login ann password pw\n", None),
        ("nonsense\n", None),
    ],
)
def test_netrc_is_the_last_to_ask(tmp_path, text, login):
    (tmp_path / "netrc").write_text(text)
    credentials = Credentials([], {"NETRC": str(tmp_path / "netrc")})
    assert credentials.login("https://host/simple/six/") == login


TEAMS = [
    IndexSpec(name="priv", url="https://ann:pw@host/team1/simple"),
    IndexSpec(name="other", url="https://host/team2/simple"),
]
ANN = Login("ann", "pw")


@pytest.mark.parametrize(
    ("url", "index", "login"),
    [
        ("https://host/team1/simple/six/", "priv", ANN),
        ("https://host/team1/simple", "priv", ANN),
        ("https://HOST:443/team1/simple/six/", "", ANN),
        ("https://host/team1/files/six.whl", "priv", ANN),
        ("https://host/team1/files/six.whl", "", ANN),
        ("https://host/files/six.whl", "priv", ANN),
        ("https://host/files/six.whl", "other", None),
        ("https://host/files/six.whl", "", None),
        ("https://host/team1/files/six.whl", "other", None),
        ("https://host/team2/simple/six/", "other", None),
        ("https://host/team2/files/six.whl", "other", None),
        ("https://host/team2/files/six.whl", "priv", None),
        ("https://host/team1/simple-not/six/", "other", None),
        ("https://host/team1/simple/../../team2/simple/six/", "priv", None),
        ("https://host/team1/simple/%2e%2e/%2E./team2/simple/six/", "priv", None),
        ("https://host//team1/simple/../../team2/files/six.whl", "", None),
        ("https://host:444/team1/simple/six/", "priv", None),
        ("http://host/team1/simple/six/", "priv", None),
        ("https://host.example/team1/simple/six/", "priv", None),
    ],
)
def test_a_login_is_for_what_is_below_its_index(tmp_path, url, index, login):
    credentials = Credentials(TEAMS, {"NETRC": str(tmp_path / "none")})
    assert credentials.login(url, index) == login


def test_the_longest_address_counts_even_where_it_has_no_login(tmp_path):
    indexes = [
        IndexSpec(name="all", url="https://ann:pw@host/simple"),
        IndexSpec(name="one", url="https://host/simple/one"),
    ]
    credentials = Credentials(indexes, {"NETRC": str(tmp_path / "none")})
    assert credentials.login("https://host/simple/one/six/", "one") is None
    assert credentials.login("https://host/simple/other/", "all") == ANN


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("https://host/six.whl", True),
        ("https://host:8443/six.whl", True),
        ("http://host:8080/simple/six/", True),
        ("http://host:8081/six.whl", False),
        ("http://host/six.whl", False),
    ],
)
def test_netrc_is_for_encrypted_servers_and_the_sites_own(tmp_path, url, is_told):
    (tmp_path / "netrc").write_text("machine host login ann password pw\n")
    index = IndexSpec(name="site", url="http://host:8080/simple")
    credentials = Credentials([index], {"NETRC": str(tmp_path / "netrc")})
    assert credentials.login(url, "site") == (ANN if is_told else None)


def test_the_keyring_is_asked_for_the_urls_own_index(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "envc.index.credentials._from_keyring", lambda service, _: asked.append(service)
    )
    credentials = Credentials(TEAMS, {"NETRC": str(tmp_path / "none")})
    assert credentials.keyring_login("https://host/team2/simple/six/", "other") is None
    assert credentials.keyring_login("http://host/team1/simple/six/", "priv") is None
    assert asked == ["https://host/team2/simple", "host"]


@pytest.fixture
def keyring(monkeypatch):
    """A keyring that has a login for everything."""
    module = ModuleType("keyring")
    module.get_credential = lambda _service, _name: SimpleNamespace(username="ann", password="pw")
    monkeypatch.setitem(sys.modules, "keyring", module)


@pytest.mark.parametrize("exposed", [False, True])
def test_netrc_at_home_that_others_could_change_is_not_read(tmp_path, exposed):
    file = tmp_path / ".netrc"
    file.write_text("machine host login ann password pw\n")
    file.chmod(0o666 if exposed else 0o600)
    is_left_alone.cache_clear()
    login = Credentials([], {"HOME": str(tmp_path)}).login("https://host/simple/six/")
    assert login == (None if exposed else Login("ann", "pw"))
    named = Credentials([], {"HOME": str(tmp_path), "NETRC": str(file)})
    assert named.login("https://host/simple/six/") == Login("ann", "pw")


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize("exposed", [False, True])
def test_a_keyring_that_others_could_set_up_is_not_asked(tmp_path, exposed):
    file = tmp_path / ".config/python_keyring/keyringrc.cfg"
    file.parent.mkdir(parents=True)
    file.write_text("[backend]\nkeyring-path = /somewhere\n")
    file.parent.chmod(0o777 if exposed else 0o755)
    is_left_alone.cache_clear()
    login = Credentials([], {"HOME": str(tmp_path)}).keyring_login("https://host/simple/six/")
    assert login == (None if exposed else Login("ann", "pw"))
