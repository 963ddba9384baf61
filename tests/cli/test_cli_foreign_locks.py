"""Locks of other tools, materialized: hashes of any kind, sizes, what stands on such a layer."""

import hashlib
import tomllib

import pytest

from support.sites import SITE_PACKAGES, envc

OTHER = ["sha512", "SHA512", "sha384", "blake2b", "sha3_256", "md5"]


def foreign(site, *, algorithm="sha256", size=None, url=False, wrong=False):
    """Let the lock of the layer `system` be one that another tool wrote; the wheel's path."""
    path = site.folder / "pylock.system.toml"
    (locked,) = tomllib.loads(path.read_text())["packages"][0]["wheels"]
    wheel = (site.folder / locked["path"]).resolve()
    digits = hashlib.new(algorithm, wheel.read_bytes() + (b"x" if wrong else b"")).hexdigest()
    place = f'url = "{wheel.as_uri()}"' if url else f'path = "{locked["path"]}"'
    told = "" if size is None else f"size = {size}, "
    path.write_text(
        'lock-version = "1.0"\ncreated-by = "another"\n\n[[packages]]\nname = "report"\n'
        f'wheels = [{{ {place}, {told}hashes = {{ {algorithm} = "{digits}" }} }}]\n'
    )
    return wheel


@pytest.mark.parametrize("algorithm", OTHER)
def test_a_wheel_is_held_against_the_hash_that_the_lock_has(warm, algorithm):
    wheel = foreign(warm, algorithm=algorithm)
    answer = warm.done("materialize", "--target", warm.target, "--layer", "system")
    assert (warm.target / "system" / SITE_PACKAGES / "report").exists()
    seen = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (said,) = (line for line in answer.stderr.splitlines() if line.startswith("warning"))
    assert said.startswith(f"warning: the lock has no sha256 of {wheel.name}: its ")
    assert said.endswith(f", its sha256 is {seen}")
    assert ("can be made" in said) == (algorithm == "md5")


@pytest.mark.parametrize("algorithm", ["sha512", "md5"])
def test_a_wheel_with_another_hash_is_refused(warm, algorithm):
    wheel = foreign(warm, algorithm=algorithm, wrong=True)
    answer = warm.envc("materialize", "--target", warm.target, "--layer", "system")
    assert answer.status == 5
    assert "error: the wheel is not the file that the lock names" in answer.stderr
    assert wheel.name in answer.stderr


def test_a_url_of_a_file_is_its_path(warm):
    foreign(warm, url=True)
    assert warm.materialize("--layer", "system")["layers"]["system"]["distributions"] == 1


def test_a_wheel_of_another_size_than_promised_is_refused(warm, tmp_path):
    wheel = foreign(warm, size=1)
    answer = warm.envc("materialize", "--target", tmp_path / "new", "--layer", "system")
    assert answer.status == 5
    told = f"{wheel.name} has {wheel.stat().st_size} bytes; its lock says 1"
    assert f"error: {told}" in answer.stderr


def test_an_overlay_stands_on_a_layer_that_was_locked_by_its_sha512(warm, tmp_path):
    foreign(warm, algorithm="sha512")
    warm.materialize("--layer", "system")
    words = ("--dir", tmp_path / "mine", "--target", warm.target)
    answer = envc("overlay", "init", *words, "--base", "system")
    assert answer.status == 0, answer.stderr
    answer = envc("overlay", "add", *words, "six")
    assert answer.status == 0, answer.stderr


def test_a_bundle_needs_the_sha256(warm, tmp_path):
    foreign(warm, algorithm="sha512")
    warm.edit('["report"]', '["report==1.0"]')
    warm.done("lock", "--layer", "user")
    answer = warm.envc("bundle", "--output", tmp_path / "site.bundle")
    assert answer.status == 2
    assert "has no sha256 hash" in answer.stderr
    assert "help: lock it with sha256 hashes" in answer.stderr
