"""Locks of other tools, read and selected from as the standard's steps for installers have it."""

import pytest

from envc.errors import SpecError
from envc.formats.pylock_read import lock_from_text
from envc.lock import select_wheels
from support.cases import Case

HEAD = 'lock-version = "1.0"\ncreated-by = "other"\n'
DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def target():
    """Linux on x86-64, Python 3.11."""
    (found,) = Case("[releases]\n[layer.user]\nrequires = []\n").site.targets
    return found


def wheel(name, tag="py3-none-any", hashes=f'sha256 = "{DIGEST}"'):
    return f'{{ name = "{name}-1.0-{tag}.whl", path = "w/{name}.whl", hashes = {{ {hashes} }} }}'


def package(name, *lines, wheels=None):
    wheels = [wheel(name)] if wheels is None else wheels
    table = [f'name = "{name}"', *lines, *([f"wheels = [{', '.join(wheels)}]"] if wheels else [])]
    return "\n".join(["[[packages]]", *table, ""])


def chosen(target, text):
    lock = lock_from_text(text.encode(), "pylock.toml", "user")
    return [f"{pin.project} {pin.version}" for pin, _ in select_wheels(lock, target)]


VERSION = 'version = "1.0"'
WINDOWS = "marker = \"sys_platform == 'win32'\""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + "environments = [\"sys_platform == 'win32'\"]\n" + package("aa", VERSION),
            'it is for machines where sys_platform == "win32"',
        ),
        (HEAD + "environments = []\n" + package("aa", VERSION), "it is for no machine at all"),
        (
            HEAD + 'requires-python = ">=3.12"\n' + package("aa", VERSION),
            "it is for Python >=3.12",
        ),
        (HEAD + 'requires-python = "<3.11"\n' + package("aa", VERSION), "it is for Python <3.11"),
        (
            HEAD + package("aa", VERSION, 'requires-python = ">=3.12"'),
            "aa 1.0 is for Python >=3.12",
        ),
        (HEAD + package("aa", VERSION) * 2, "aa is pinned twice for one target"),
        (
            HEAD + package("aa", VERSION, wheels=[wheel("aa", "cp311-cp311-win_amd64")]),
            "aa 1.0 has no wheel for",
        ),
        *(
            (
                HEAD + package("aa", "marker = \"sys_platform == 'linux'\"", source, wheels=[]),
                "aa is pinned without a wheel",
            )
            for source in (
                'directory = { path = "aa" }',
                f'archive = {{ path = "aa-1.0.tar.gz", hashes = {{ sha256 = "{DIGEST}" }} }}',
                'vcs = { type = "git", path = "aa", commit-id = "0" }',
            )
        ),
        (
            HEAD
            + package(
                "aa", "marker = \"sys_platform == 'linux'\"", wheels=[wheel("aa", hashes="md5='0'")]
            ),
            "aa-1.0-py3-none-any.whl has no sha256 hash",
        ),
    ],
)
def test_what_does_not_hold_here_is_an_error(target, text, said):
    with pytest.raises(SpecError) as caught:
        chosen(target, text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "other",
    [
        package("bb", WINDOWS, 'vcs = { type = "git", path = "b", commit-id = "0" }', wheels=[]),
        package("bb", WINDOWS, 'directory = { path = "b" }', wheels=[]),
        package("bb", WINDOWS, wheels=[wheel("bb", hashes="md5 = '0'")]),
        package("bb", VERSION, WINDOWS, 'requires-python = ">=4"'),
        package("aa", VERSION, WINDOWS),
    ],
)
def test_what_is_for_other_machines_does_not_matter(target, other):
    assert chosen(target, HEAD + package("aa", VERSION) + other) == ["aa 1.0"]


@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ('directory = { path = "sub/aa", subdirectory = "py" }', "aa @ ./sub/aa#subdirectory=py"),
        (
            f'archive = {{ path = "aa-1.0.tar.gz", hashes = {{ sha256 = "{DIGEST}" }} }}',
            "aa @ ./aa-1.0.tar.gz",
        ),
        (
            'archive = { url = "https://host.test/aa.zip", hashes = { md5 = "0" } }',
            "aa @ https://host.test/aa.zip",
        ),
        (
            'vcs = { type = "git", url = "https://host.test/aa", commit-id = "abc" }',
            "aa @ git+https://host.test/aa@abc",
        ),
        (
            'version = "1.0"\nsdist = { path = "aa-1.0.tar.gz", hashes = { md5 = "0" } }',
            "aa==1.0",
        ),
    ],
)
def test_what_has_to_be_built_is_named_for_the_spec(target, source, requirement):
    with pytest.raises(SpecError) as caught:
        chosen(target, HEAD + package("aa", source, wheels=[]))
    assert caught.value.faults[0].mend == (
        "lock it with wheels, or have `envc lock` build its wheel: "
        f"name {requirement!r} in the spec"
    )


def test_wheels_for_other_machines_need_no_hash(target):
    wheels = [wheel("aa", "cp311-cp311-win_amd64", "md5 = '0'"), wheel("aa")]
    assert chosen(target, HEAD + package("aa", VERSION, wheels=wheels)) == ["aa 1.0"]


LOCAL = "https://host.test/f/aa-1.0%2Blocal-py3-none-any.whl?token=1"


@pytest.mark.parametrize(
    ("place", "version"),
    [('path = "w/aa-1.0-py3-none-any.whl"', "1.0"), (f'url = "{LOCAL}"', "1.0+local")],
)
def test_an_archive_that_is_a_wheel_is_one(target, place, version):
    archive = f'archive = {{ {place}, hashes = {{ sha256 = "{DIGEST}" }} }}'
    assert chosen(target, HEAD + package("aa", archive, wheels=[])) == [f"aa {version}"]


def test_a_version_that_is_left_out_is_that_of_the_wheel(target):
    assert chosen(target, HEAD + package("aa")) == ["aa 1.0"]


GROUPS = 'extras = ["x"]\ndependency-groups = ["default", "dev"]\n'


@pytest.mark.parametrize(
    ("default", "marker", "is_chosen"),
    [
        ('["default"]', "'default' in dependency_groups", True),
        ('["default"]', "'dev' in dependency_groups", False),
        ('["default"]', "'dev' not in dependency_groups", True),
        ('["default"]', "'Default' in dependency_groups and python_version >= '3.12'", False),
        ('["default", "dev"]', "'x' in extras or 'dev' in dependency_groups", True),
        ("[]", "'default' in dependency_groups", False),
        ("[]", "'x' in extras", False),
        ("[]", "python_version >= '3.10' and ('x' in extras or 'x' not in extras)", True),
    ],
)
def test_default_groups_are_chosen_and_no_extras(target, default, marker, is_chosen):
    head = f"{HEAD}{GROUPS}default-groups = {default}\n"
    text = head + package("aa", VERSION, f'marker = "{marker}"')
    assert chosen(target, text) == (["aa 1.0"] if is_chosen else [])
