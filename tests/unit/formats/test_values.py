"""Values as JSON and back."""

import json

import pytest

from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.pylock_read import lock_from_text
from envc.formats.values import value_from_json, value_to_json
from support.cases import MACHINE

SPEC = b"""\
version = 1
[site]
name = "canopy"
[core]
python = "3.11"
[[index]]
name = "site"
url = "https://index.example/simple"
explicit = true
[sources]
six = "site"
[[target]]
name = "compute"
platform = "linux-x86_64"
libc = "glibc-2.28"
python-full = "3.11.7"
[layer.user]
requires = [
    "six[b,a]>=1,<2; python_version > '3'",
    "tool @ https://files.example/tool-1-py3-none-any.whl",
]
constraints = ["numpy<2"]
env = { B = "2", A = "1" }
[resolver]
exclude-newer = 2026-11-01T00:00:00Z
no-build = ["six"]
prerelease = { Zope_Event = "explicit", six = "allow" }
[check]
ignore = ["ENVC203"]
"""
LOCK = b"""\
lock-version = "1.0"
created-by = "another tool"
[[packages]]
name = "six"
version = "1.17.0"
[[packages.wheels]]
url = "https://files.example/six-1.17.0-py2.py3-none-any.whl"
upload-time = 2024-12-04T17:35:26Z
hashes = { sha256 = "%s" }
""" % (b"ab" * 32)


def test_a_site_comes_back_as_it_was():
    site = expand_site(read_site(SPEC, "envc.toml"), lambda _: MACHINE)
    assert value_from_json(value_to_json(site)) == site


def test_a_lock_comes_back_as_it_was():
    lock = lock_from_text(LOCK, "pylock.user.toml", "user")
    assert value_from_json(value_to_json(lock)) == lock


def test_a_value_of_another_version_of_its_type_is_refused():
    plain = json.loads(value_to_json(MACHINE))
    with pytest.raises(TypeError, match="Machine has other fields now"):
        value_from_json(json.dumps(plain | {"cores": 2}).encode())


@pytest.mark.parametrize("text", [b"{", b'{"name": 1}', b'{"is": "SystemExit", "code": 1}'])
def test_what_is_no_value_is_refused(text):
    with pytest.raises((ValueError, KeyError)):
        value_from_json(text)


def test_what_has_no_form_is_not_written():
    with pytest.raises(TypeError, match="set has no form in JSON"):
        value_to_json((1, {2}))
