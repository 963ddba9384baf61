import pytest

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
