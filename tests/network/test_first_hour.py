"""The README's six commands in a Debian that has Python 3.11 and git: `make trial-first_hour`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envc.index import default_index

ROOT = Path(__file__).resolve().parents[2]
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""
CERTIFICATES = os.environ.get("SSL_CERT_FILE", "")
MIRROR = "apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages'"
# The mounts are seen by nobody else, and end with the command.
WITHIN = """\
set -eu
root=$1
shift
mount --bind "$root" "$root"
for folder in /dev /proc; do mount --rbind "$folder" "$root$folder"; done
for file in /etc/hosts /etc/resolv.conf; do
    : >>"$root$file"
    mount --bind "$file" "$root$file"
done
mount --bind /etc/ssl "$root/etc/ssl"
exec chroot "$root" env -i "$@"
"""
MACHINE_SECONDS = 180

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.trial,
    pytest.mark.skipif(os.geteuid() != 0, reason="a root of Debian is made by root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="debootstrap is missing"),
]


def blocks() -> list[list[str]]:
    """The commands of the README's blocks, as they stand there."""
    text = (ROOT / "README.md").read_text()
    part = text[text.index("## In six commands") : text.index("## Get it")]
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", part, re.DOTALL)]


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with Python 3.11 and git, a user, and envc.pyz in the administrator's folder."""
    root = tmp_path_factory.mktemp("debian") / "root"
    told = subprocess.run(MIRROR, shell=True, check=True, capture_output=True, text=True).stdout
    mirror = next(line.split()[1] for line in told.splitlines() if line.startswith("Debian "))
    packages = "--include=ca-certificates,git,python3.11"
    words = ["debootstrap", "--variant=minbase", packages, "bookworm", root, mirror]
    subprocess.run(["unshare", "--mount", *words], check=True, capture_output=True)
    assert not (root / "usr/bin/python3").exists()
    subprocess.run(["chroot", root, "useradd", "--create-home", "alice"], check=True)
    build = [sys.executable, ROOT / "compiler/dist/build.py", root / "root"]
    subprocess.run([*build, "--python", "3.11.2"], check=True, capture_output=True)
    return root


def within(root: Path, user: str, command: str, *, network: bool = True) -> str:
    """What a command of a user says there, as from a shell that he has logged in to."""
    home = "/root" if user == "root" else f"/home/{user}"
    settings = [f"HOME={home}", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    settings += [f"ENVC_INDEX_URL={INDEX}"] * bool(INDEX)
    settings += [f"SSL_CERT_FILE={CERTIFICATES}"] * bool(CERTIFICATES)
    shares = ["--mount", "--propagation", "private", *([] if network else ["--net"])]
    start = ["unshare", *shares, "sh", "-c", WITHIN, "sh", root, *settings]
    person = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
    call = [*start, *person, "sh", "-euc", f"cd; {command}"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_from_the_one_file_to_a_users_program(debian: Path) -> None:
    administrator, user, _ = blocks()
    assert len(administrator) + len(user) <= 6
    before = os.times()
    for command in administrator:
        within(debian, "root", command)
    *others, last = user
    for command in others:
        within(debian, "alice", command)
    assert "hello" in within(debian, "alice", last)
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])  # of the children, user's and system's
    assert used < MACHINE_SECONDS


SITE = """\
version = 1
[site]
name = "canopy"
[core]
python = "3.11"
interpreter = "/usr/bin/python3.11"
[layer.user]
requires = ["humanize"]
[engine.image]
run = ["chroot", "{images}/{{node}}", "sh", "-c", "{{command}}"]
copy = ["cp", "{{path}}", "{images}/{{node}}{{place}}"]
"""


def test_an_image_is_a_node(debian: Path, tmp_path: Path) -> None:
    (tmp_path / "envc.toml").write_text(SITE.format(images=debian.parent))
    shutil.rmtree(debian / "usr/local/Canopy", ignore_errors=True)

    def envc(*words: str) -> str:
        command = [sys.executable, "-m", "envc", *words]
        surroundings = os.environ | ({"ENVC_INDEX_URL": INDEX} if INDEX else {})
        done = subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    envc("lock")
    envc("bundle", "-o", "canopy.envc")
    place = ("--nodes", debian.name, "--engine", "image", "--target", "/usr/local/Canopy")
    envc("rollout", *place, "--from", "canopy.envc")
    assert "present" in envc("status", *place)
    program = "/usr/local/Canopy/user/bin/python -c 'import humanize as h; print(h.intcomma(1234))'"
    assert within(debian, "alice", program, network=False) == "1,234\n"
    within(debian, "alice", "/usr/local/Canopy/bin/envc verify", network=False)


def test_without_a_network_from_a_bundle(debian: Path) -> None:
    administrator, user, [alone] = blocks()
    shutil.rmtree(debian / "root/canopy", ignore_errors=True)
    for command in administrator[:3]:
        within(debian, "root", command)
    within(debian, "root", "envc --site canopy bundle -o canopy.envc")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", debian / "home/alice"]
    subprocess.run([*pip, "cowsay"], check=True, capture_output=True)
    (wheel,) = (debian / "home/alice").glob("cowsay-*.whl")
    for left in ("usr/local/Canopy", "root/.cache", "root/canopy", "home/alice/overlays"):
        shutil.rmtree(debian / left, ignore_errors=True)
    (debian / "usr/local/bin/envc").unlink()
    within(debian, "root", alone, network=False)
    add, run = user
    add = add.replace("add cowsay", f"add --offline 'cowsay @ file:///home/alice/{wheel.name}'")
    within(debian, "alice", add, network=False)
    assert "hello" in within(debian, "alice", run, network=False)
