"""Overlays on bases that others have built, with the real things.

    make trial-described

Debian's Python with projects of apt's, which upgrades one; environments of pip and of uv with
editable projects; a vendor's private build; an image of squashfs, and its archive.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envc.formats.inventory import inventory_from_json
from envc.index import default_index
from support.debian import Debian, debian
from support.prefixes import install, toy
from support.sites import Answer, envc_process
from support.twin import START_UP, Allowed, differences, seen_by, unexpected

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/network/cache"
ENVC = Path(sys.executable).parent / "envc"
UV = Path(sys.executable).parent / "uv"
# Read before the fixtures hide the person's configuration from the tests.
INDEX = default_index().url or ""
TOOLS = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "UV_"))}

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.trial]

PROJECTS = ("python3-numpy", "python3-scipy", "python3-pandas", "python3-matplotlib")
PROGRAM = """\
import humanize, matplotlib, numpy, pandas, scipy.linalg
matplotlib.use("Agg")
import matplotlib.pyplot as plt
assert numpy.allclose(scipy.linalg.inv(numpy.eye(3)), numpy.eye(3))
frame = pandas.DataFrame({"x": [1, 2, 3]})
plt.plot(frame.x)
plt.savefig("/tmp/plot.png")
print(humanize.intcomma(frame.x.sum() * 1000))
"""


@pytest.fixture(autouse=True)
def _meant(monkeypatch):
    CACHE.mkdir(parents=True, exist_ok=True)
    for name, text in {**TOOLS, "ENVC_INDEX_URL": INDEX, "ENVC_CACHE_DIR": str(CACHE)}.items():
        monkeypatch.setenv(name, text)


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Iterator[Debian]:
    """The machine with Debian's scientific projects."""
    folder = tmp_path_factory.mktemp("debian")
    if os.geteuid() or shutil.which("apt-get") is None:
        pytest.skip("only root can have apt install something")
    with debian(folder) as found:
        if found is None:
            pytest.skip("no overlay file system can be mounted here")
        found.install(*PROJECTS, "squashfs-tools")
        yield found


def envc_in(machine: Debian, *words: object) -> Answer:
    return machine.run(ENVC, *words)


def well(answer: Answer) -> Answer:
    assert answer.status == 0, answer.stdout[-2000:] + answer.stderr[-2000:]
    return answer


def problems(done: Answer) -> set[str]:
    """What `pip check` says."""
    lines = set(done.stdout.splitlines()) - {"No broken requirements found."}
    assert done.status == bool(lines), done.stderr
    return lines


def checked(machine: Debian, interpreter: str) -> set[str]:
    return problems(machine.run(sys.executable, "-m", "pip", "--python", interpreter, "check"))


def test_a_day_on_debians_python(machine):
    known = checked(machine, "/usr/bin/python3")
    well(envc_in(machine, "overlay", "init", "/root/ov", "--on", "/usr/bin/python3"))
    add = ("overlay", "add", "--dir", "/root/ov")
    well(envc_in(machine, *add, "humanize"))
    assert machine.done("/root/ov/bin/python", "-c", PROGRAM) == "6,000\n"
    assert checked(machine, "/root/ov/bin/python") <= known
    # What is pure is replaced; what is compiled is not, unless it is named.
    well(envc_in(machine, *add, "cycler>=0.12"))
    assert machine.done("/root/ov/bin/python", "-c", PROGRAM) == "6,000\n"
    refused = envc_in(machine, *add, "kiwisolver>=1.4.5")
    assert (refused.status, 'replace = ["kiwisolver"]' in refused.stderr) == (3, True)
    machine.done("sh", "-c", "echo 'replace = [\"kiwisolver\"]' >>/root/ov/overlay.toml")
    well(envc_in(machine, *add, "kiwisolver>=1.4.5"))
    assert machine.done("/root/ov/bin/python", "-c", PROGRAM) == "6,000\n"
    conflict = envc_in(machine, *add, "flask>=3", "jinja2<3")
    assert (conflict.status, "jinja2" in conflict.stderr.lower()) == (3, True)
    assert checked(machine, "/root/ov/bin/python") <= known
    well(envc_in(machine, "check", "/root/ov"))


UPGRADE = """\
cd /tmp
rm -rf upgrade && mkdir upgrade && cd upgrade
apt-get download -qq python3-cycler >/dev/null
dpkg-deb -R *.deb new
sed -i 's/^Version: .*/Version: 9.0-1/' new/DEBIAN/control
cd new/usr/lib/python3/dist-packages
mv cycler-*.egg-info cycler-9.0.egg-info
sed -i 's/^Version: .*/Version: 9.0/' cycler-9.0.egg-info/PKG-INFO
cd /tmp/upgrade
dpkg-deb -b new new.deb >/dev/null
apt-get install -y -qq ./new.deb >/dev/null
"""


def test_apt_upgrades_a_project_below_an_overlay(machine):
    well(envc_in(machine, "overlay", "init", "/root/up", "--on", "/usr/bin/python3"))
    machine.done("/root/up/bin/python", "-c", "import cycler")
    machine.done("sh", "-euc", UPGRADE)
    started = machine.run("/root/up/bin/python", "-c", "pass")
    assert started.status == 1
    assert "new: cycler-9.0.egg-info" in started.stderr
    assert "`envc overlay sync --dir /root/up`" in started.stderr
    well(envc_in(machine, "overlay", "sync", "--dir", "/root/up"))
    asked = "import importlib.metadata as m; print(m.version('cycler'))"
    assert machine.done("/root/up/bin/python", "-c", asked) == "9.0\n"


def test_debians_python_is_described_without_running_it(machine, tmp_path):
    machine.done(ENVC, "describe", "/usr/bin/python3", "-o", "/tmp/ran.json")
    machine.done(
        sys.executable,
        "-c",
        "from envc.described.images import described_image\n"
        "from envc.formats.inventory import inventory_to_json\n"
        "found = inventory_to_json(described_image('/', '/usr/bin/python3'))\n"
        "open('/tmp/still.json', 'wb').write(found)",
    )
    texts = [machine.done("cat", f"/tmp/{name}.json").encode() for name in ("ran", "still")]
    ran, still = (inventory_from_json(text, "f") for text in texts)
    assert ran.digest() == still.digest()
    assert [each.mtime_seconds for each in ran.folders] == [
        each.mtime_seconds for each in still.folders
    ]
    files = {each.project: each.files for each in ran.visible()}
    assert (files["scipy"], files["pandas"], files["matplotlib"]) == ("record", "system", "system")
    assert {each.project for each in ran.visible() if each.is_compiled} >= {"numpy", "pandas"}


SQUASH = """\
cd /srv
mksquashfs nv nv.squashfs -noI -noD -noF -noX -quiet -no-progress >/dev/null
mkdir -p /mnt/nv && mount -t squashfs -o loop,ro nv.squashfs /mnt/nv
tar -C /mnt/nv -cf nv.tar .
"""


def test_a_squashfs_image_its_archive_and_its_root_are_the_same(machine):
    machine.done("sh", "-euc", "mkdir -p /srv/nv && cp -a --parents /usr/bin/python3* /srv/nv")
    inside = "/usr/lib/python3 /usr/lib/python3.11 /usr/lib/x86_64-linux-gnu/libc.so.6 /etc/passwd"
    machine.done("sh", "-euc", f"cp -a --parents {inside} /var/lib/dpkg/info /srv/nv")
    if machine.run("sh", "-euc", SQUASH).status:
        pytest.skip("no squashfs image can be mounted here")
    found = {}
    for name in ("nv", "nv.tar"):
        place = "/mnt/nv" if name == "nv" else f"/srv/{name}"
        found[name] = well(envc_in(machine, "describe", place, "-o", "-")).stdout
    assert found["nv"] == found["nv.tar"]
    well(envc_in(machine, "describe", "/usr/bin/python3", "-o", "/tmp/ran.json"))
    ran = inventory_from_json(machine.done("cat", "/tmp/ran.json").encode(), "f")
    image = inventory_from_json(found["nv"].encode(), "f")
    # This machine's own /usr/local is not in the image.
    (own,) = (n for n, each in enumerate(ran.folders) if each.path == image.folders[0].path)
    of_own = {each.metadata for each in ran.distributions if each.folder == own}
    assert {each.metadata for each in image.distributions} == of_own
    assert (image.libc, image.python_full) == (ran.libc, ran.python_full)
    refused = envc_in(machine, "describe", "/srv/nv.squashfs")
    assert (refused.status, "mount it" in refused.stderr) == (2, True)


PYPROJECT = """\
[build-system]
requires = ["{backend}"]
build-backend = "{build}"

[project]
name = "mine"
version = "1.0"
dependencies = ["jinja2"]
"""
PINS = ("markupsafe==2.1.3", "jinja2==3.1.4", "idna==3.4")


def project(folder: Path, backend: str, build: str) -> Path:
    (folder / "src/mine").mkdir(parents=True)
    (folder / "src/mine/__init__.py").write_text("__version__ = '1.0'\n")
    (folder / "pyproject.toml").write_text(PYPROJECT.format(backend=backend, build=build))
    return folder


def made_by_pip(folder: Path) -> Path:
    """A virtual environment by pip, with an editable project of setuptools'; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder / "v"], check=True)
    mine = project(folder / "mine", "setuptools", "setuptools.build_meta")
    pip = [folder / "v/bin/python", "-m", "pip", "install", "-q", "--no-warn-script-location"]
    subprocess.run([*pip, *PINS, "-e", mine], check=True, stderr=subprocess.DEVNULL)
    return folder / "v/bin/python3"


def made_by_uv(folder: Path) -> Path:
    """A virtual environment by uv, with an editable project of hatchling's; its interpreter."""
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder / "v"], check=True)
    mine = project(folder / "mine", "hatchling", "hatchling.build")
    by_uv(folder / "v/bin/python3", *PINS, "-e", mine)
    return folder / "v/bin/python3"


def by_uv(interpreter: Path, *words: object) -> None:
    subprocess.run([UV, "pip", "install", "-q", "--python", interpreter, *words], check=True)


@pytest.mark.parametrize("made", [made_by_pip, made_by_uv], ids=lambda made: made.__name__)
def test_a_day_on_a_virtual_environment(made, tmp_path):
    base, ov = made(tmp_path), tmp_path / "ov"
    known = problems_of(base)
    here("overlay", "init", ov, "--on", base)
    add = ("overlay", "add", "--dir", ov)
    here(*add, "humanize", "idna>=3.6")
    program = "import humanize, idna, jinja2, markupsafe, mine; print(idna.__version__ != '3.4')"
    assert ran(ov, program) == "True"
    assert problems_of(ov / "bin/python") <= known
    refused = envc_process(*add, "markupsafe>=3", cwd=tmp_path)
    assert (refused.status, 'replace = ["markupsafe"]' in refused.stderr) == (3, True)
    conflict = envc_process(*add, "flask>=3", "jinja2<3", cwd=tmp_path)
    assert (conflict.status, "jinja2" in conflict.stderr.lower()) == (3, True)
    with (ov / "overlay.toml").open("a") as file:
        file.write('replace = ["markupsafe"]\n')
    here(*add, "markupsafe>=3")
    assert ran(ov, program + "; assert markupsafe.__version__ >= '3'") == "True"
    assert problems_of(ov / "bin/python") <= known
    here("check", ov)


OF_INSTALLERS = (
    *START_UP,
    Allowed("distributions/*/INSTALLER*", "which installer it was: uv, envc"),
    Allowed("distributions/*/REQUESTED*", "uv notes what was named to it"),
    Allowed("*/installer: *", "as above"),
    Allowed("*/requested: *", "as above"),
    Allowed("pkg_resources/*/metadata: INSTALLER *", "as above"),
    Allowed("pkg_resources/*/metadata: REQUESTED *", "as above"),
    Allowed("distributions/*/files/../../../bin/*", "scripts find the python beside themselves"),
    Allowed(
        "path/names: _editable_impl_mine.pth in the flat one alone",
        "start-up files of a base run once, from its own folder, also where a part of it is hidden",
    ),
    Allowed("path/site: *", "a folder that a start-up file of the base adds is one of the stack"),
)


def test_it_is_as_an_environment_that_uv_made_flat(tmp_path):
    base, ov = made_by_uv(tmp_path), tmp_path / "ov"
    here("overlay", "init", ov, "--on", base)
    here("overlay", "add", "--dir", ov, "humanize==4.11.0", "idna==3.7")
    flat = made_by_uv(tmp_path / "flat")
    by_uv(flat, "humanize==4.11.0", "idna==3.7", "-e", tmp_path / "mine")
    stack, twin = seen_by(ov / "bin/python", walk=("idna",)), seen_by(flat, walk=("idna",))
    assert unexpected(differences(stack, twin), OF_INSTALLERS) == []


def test_a_private_build_of_a_vendor_stays(tmp_path):
    base, ov = made_by_uv(tmp_path), tmp_path / "ov"
    site = next((tmp_path / "v/lib").glob("python*/site-packages"))
    install(site, toy("torch", "2.8.0a0+gitabc.nv25.5", "jinja2", "sympy>=1.13", compiled=True))
    known = problems_of(base)
    assert any("sympy" in line for line in known)
    here("overlay", "init", ov, "--on", base)
    here("overlay", "add", "--dir", ov, "einops", "pyro-api")
    assert ran(ov, "import einops, pyroapi, torch; print(torch.__version__)").startswith("2.8.0a0+")
    assert problems_of(ov / "bin/python") <= known
    answer = envc_process("overlay", "add", "--dir", ov, "torch>=2.9", cwd=tmp_path)
    assert (answer.status, "torch" in answer.stderr) == (3, True)


def here(*words: object) -> None:
    well(envc_process(*words, cwd=Path.cwd()))


def ran(ov: Path, program: str) -> str:
    words = [ov / "bin/python", "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def problems_of(interpreter: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", interpreter, "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    return problems(Answer(done.returncode, done.stdout, done.stderr))
