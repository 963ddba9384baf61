import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from envc.store.dist_info import Identity
from envc.store.layout import Layout, Placement

INFO = "demo-1.0.dist-info"
DATA = "demo-1.0.data"
SITE = "lib/python3.11/site-packages"


def layout(project: str = "demo") -> Layout:
    return Layout(Identity(NormalizedName(project), Version("1.0"), INFO, DATA), "3.11")


@pytest.mark.parametrize(
    ("member", "path", "kind"),
    [
        ("demo/x.py", f"{SITE}/demo/x.py", "file"),
        ("demo.pth", f"{SITE}/demo.pth", "file"),
        (f"{INFO}/METADATA", f"{SITE}/{INFO}/METADATA", "file"),
        (f"{INFO}/licenses/LICENSE", f"{SITE}/{INFO}/licenses/LICENSE", "file"),
        (f"{DATA}/purelib/demo/x.py", f"{SITE}/demo/x.py", "file"),
        (f"{DATA}/platlib/_demo.so", f"{SITE}/_demo.so", "file"),
        (f"{DATA}/scripts/tool", "bin/tool", "script"),
        (f"{DATA}/scripts/python-argcomplete-check", "bin/python-argcomplete-check", "script"),
        (f"{DATA}/scripts/activate-global-x", "bin/activate-global-x", "script"),
        (f"{DATA}/data/bin/tool", "bin/tool", "executable"),
        (f"{DATA}/data/share/demo/x", "share/demo/x", "file"),
        (f"{DATA}/data/lib/libdemo.so", "lib/libdemo.so", "file"),
        (f"{DATA}/data/opt/x", "opt/x", "file"),
        (f"{DATA}/data/{SITE}/demo/x.py", f"{SITE}/demo/x.py", "file"),
        (f"{DATA}/headers/demo.h", "include/site/python3.11/demo/demo.h", "file"),
    ],
)
def test_place(member: str, path: str, kind: str) -> None:
    assert layout().place(member) == Placement(path, kind)


@pytest.mark.parametrize(
    "member",
    [
        f"{INFO}/RECORD",
        f"{INFO}/RECORD.jws",
        f"{INFO}/RECORD.p7s",
        "demo/__pycache__/x.cpython-311.pyc",
        f"{DATA}/purelib/demo/__pycache__/x.cpython-39.opt-1.pyc",
    ],
)
def test_dropped(member: str) -> None:
    assert layout().place(member) is None


def test_envc_itself_may_bring_the_command_envc() -> None:
    assert layout("envc").command_problem("envc") is None
    assert layout().command_problem("envc-site") == (
        "the command 'envc-site' is reserved for the environment itself"
    )
    assert layout().command_problem("envchain") is None
