import os

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from envc.disk.ownership import is_left_alone
from envc.index import default_index
from envc.model.spec import IndexSpec
from envc.ports import REPORTER, SilentReporter

FILES = {
    "named": "[global]\nindex-url = https://named/simple\n",
    "install": "[global]\nindex-url = https://no/simple\n[install]\nindex-url=https://install/s\n",
    "broken": "no section\n",
    "percent": "[global]\nindex-url = https://ann:p%40ss@host/simple\n",
}


class Heard(SilentReporter):
    def __init__(self):
        self.warned = []

    def warn(self, message):
        self.warned.append(message)


@pytest.fixture(autouse=True)
def _believed_anew():
    is_left_alone.cache_clear()


@pytest.fixture(autouse=True)
def _no_machine_files(monkeypatch, tmp_path):
    """Only files below the test's folder count, whatever the machine has."""
    isfile = os.path.isfile
    monkeypatch.setattr(os.path, "isfile", lambda p: p.startswith(str(tmp_path)) and isfile(p))


def url_of(tmp_path, **environ):
    return default_index({"HOME": str(tmp_path), **environ}).url


def test_the_public_index_is_the_last_resort(tmp_path):
    assert default_index({"HOME": str(tmp_path)}) == IndexSpec(
        name="default", url=PYPI_SIMPLE_ENDPOINT
    )


def test_variables_count_in_order(tmp_path):
    environ = {}
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "ENVC_INDEX_URL"):
        environ[variable] = f"https://{variable.lower()}/simple"
        assert url_of(tmp_path, **environ) == environ[variable]
    assert url_of(tmp_path, **environ | {"ENVC_INDEX_URL": " "}) == environ["UV_DEFAULT_INDEX"]


def test_a_name_before_the_url_is_dropped(tmp_path):
    assert url_of(tmp_path, UV_DEFAULT_INDEX="site=https://h/s?a=b") == "https://h/s?a=b"
    assert url_of(tmp_path, UV_DEFAULT_INDEX="https://h/s?a=b") == "https://h/s?a=b"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("named", "https://named/simple"),
        ("install", "https://install/s"),
        ("broken", PYPI_SIMPLE_ENDPOINT),
        ("percent", "https://ann:p%40ss@host/simple"),
    ],
)
def test_pip_configuration_is_read(tmp_path, name, url):
    (tmp_path / "pip.conf").write_text(FILES[name])
    assert url_of(tmp_path, PIP_CONFIG_FILE=str(tmp_path / "pip.conf")) == url


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
@pytest.mark.parametrize("place", [".", "pip", "pip/pip.conf"])
def test_a_file_that_others_could_change_is_not_read(tmp_path, variable, place):
    folder = tmp_path / "home's" / (".config" if variable == "HOME" else "")
    (folder / "pip").mkdir(parents=True)
    (folder / "pip/pip.conf").write_text(FILES["named"])
    environ = {variable: str(tmp_path / "home's")}
    REPORTER.set(heard := Heard())
    assert url_of(tmp_path, **environ) == "https://named/simple"
    is_left_alone.cache_clear()
    (folder / place).chmod(0o777)
    assert [url_of(tmp_path, **environ) for _ in "ab"] == [PYPI_SIMPLE_ENDPOINT] * 2
    (warning,) = heard.warned
    assert warning.startswith(
        f"{folder}/pip/pip.conf is not read: {(folder / place).resolve()}: everybody may write"
    )
    named = {"PIP_CONFIG_FILE": str(folder / "pip/pip.conf")}
    assert url_of(tmp_path, **environ, **named) == "https://named/simple"


def test_the_user_file_and_how_to_switch_all_off(tmp_path):
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(FILES["named"])
    assert url_of(tmp_path) == "https://named/simple"
    assert url_of(tmp_path, PIP_CONFIG_FILE=os.devnull) == PYPI_SIMPLE_ENDPOINT
    assert url_of(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "other")) == PYPI_SIMPLE_ENDPOINT
