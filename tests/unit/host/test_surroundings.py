from envc.host.surroundings import shadowing
from support.sites import PYTHON, SITE_PACKAGES


def test_nothing_in_the_way(tmp_path):
    assert shadowing({"PYTHONPATH": "", "PATH": "/bin"}, (str(tmp_path),), PYTHON) == []


def test_modules_that_are_hidden_are_named(tmp_path):
    own, base, mine = tmp_path / "own", tmp_path / "base", tmp_path / "mine"
    (own / SITE_PACKAGES / "numpy").mkdir(parents=True)
    (base / SITE_PACKAGES).mkdir(parents=True)
    for name in ("scipy.py", "six.py", "yaml.cpython-311-x86_64-linux-gnu.so", "3-d.py"):
        (base / SITE_PACKAGES / name).touch()
        (mine / name).parent.mkdir(exist_ok=True)
        (mine / name).touch()
    (mine / "numpy").mkdir()
    (mine / "other").mkdir()
    found = shadowing({"PYTHONPATH": f"/absent:{mine}"}, (str(own), str(base)), PYTHON)
    assert [each.message for each in found] == [
        (
            f"PYTHONPATH is set, and goes before the stack: /absent:{mine} "
            "(it hides the modules 3-d, numpy, scipy and 2 more)"
        )
    ]


def test_a_library_path(tmp_path):
    (found,) = shadowing({"LD_LIBRARY_PATH": "/opt/lib"}, (str(tmp_path),), PYTHON)
    assert found.message == "LD_LIBRARY_PATH is set, and goes before the stack: /opt/lib"
