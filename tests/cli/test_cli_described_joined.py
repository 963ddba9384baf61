"""A described base with packages that join others of their name: old namespaces, and Airflow."""

from pathlib import Path

import pytest

from envc.described.ask import described_by
from envc.described.images import described_image
from envc.described.survey import JOINING
from envc.model.inventory import InstalledDistribution
from envc.store import contents
from support.images import root, tar_of
from support.prefixes import COMPILED, egg_info, install, made_older, prefix, write
from support.sites import envc, python
from support.wheels import Recipe

EXTENDS = '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
FLOW = Recipe(
    name="flow",
    version="1.0",
    files={
        "flow/__init__.py": EXTENDS,
        "flow/core/__init__.py": "",
        "flow/core/deep/__init__.py": "",
        "flow/settings.py": "there = 'base'\n",
        "flow/providers/__init__.py": EXTENDS,
        "flow/providers/mail/__init__.py": "",
        "flow/notes/a.txt": "",
    },
)
INSIDE = {
    "flow": {"core": "package", "notes": {}, "providers": "package", "settings": "module"},
    "flow.providers": {"mail": "package"},
}
POST = Recipe(name="flow-post", version="1.0", files={"flow/providers/post/__init__.py": "n = 7\n"})
THIEF = Recipe(name="flow-thief", version="1.0", files={"flow/settings.py": "there = 'overlay'\n"})
CLOSED = Recipe(name="closed", version="1.0", files={"closed/__init__.py": ""})
BREAKS = Recipe(name="breaks", version="1.0", files={"closed/more.py": ""})
COMPILED_PART = Recipe(
    name="space-fast",
    version="1.0",
    files={
        "space/__init__.py": EXTENDS,
        "space/fast/__init__.py": "n = 1\n",
        f"space/fast/{COMPILED}": b"",
    },
)


def part(version: str, *files: str) -> Recipe:
    """A pure neighbour of the compiled one."""
    texts = dict.fromkeys(files, EXTENDS)
    inside = {"space/pure/__init__.py": f"n = {version[0]}\n"}
    if version == "1.0":
        inside["space/pure/gone.py"] = ""
    return Recipe(name="space-pure", version=version, files={**texts, **inside})


NEWER = Recipe(
    name="flow",
    version="2.0",
    files={"flow/__init__.py": EXTENDS, "flow/settings.py": "there = 'newer'\n"},
)
WHEELS = (POST, THIEF, BREAKS, part("2.0", "space/__init__.py"), part("3.0"), NEWER)


@pytest.fixture
def base(tmp_path):
    site = prefix(tmp_path / "nv")
    install(site, FLOW)
    install(site, CLOSED)
    made_older(site)
    return tmp_path / "nv"


def only(base: Path, project: str) -> InstalledDistribution:
    inventory = described_by(f"{base}/bin/python3", (), is_named=True)
    (found,) = (each for each in inventory.distributions if each.project == project)
    return found


def test_what_is_in_a_package_that_joins_is_known(base):
    flow = only(base, "flow")
    assert (flow.modules, flow.joined) == ({"flow": "package"}, INSIDE)
    assert flow.places == ("flow", "flow-1.0.dist-info")
    assert only(base, "closed").joined == {}


def test_two_projects_of_such_a_package_have_places_of_their_own(base):
    install(next(base.glob("lib/*/site-packages")), POST)
    post = only(base, "flow-post")
    assert (post.modules, post.joined) == ({"flow": {"providers": {"post": "package"}}}, {})
    assert post.places == ("flow/providers/post", "flow_post-1.0.dist-info")
    assert "flow" not in only(base, "flow").places


def test_a_package_that_joins_is_known_of_top_level_names(base):
    site = next(base.glob("lib/*/site-packages"))
    egg_info(site, "old", "1.0")
    write(site / "old/__init__.py", "__import__('pkg_resources').declare_namespace(__name__)\n")
    assert only(base, "old").joined == {"old": {}}


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_package_that_joins_is_known_in_an_image(tmp_path, is_packed):
    install(root(tmp_path / "root"), FLOW)
    image = tmp_path / "root"
    if is_packed:
        image = tmp_path / "image.tar"
        image.write_bytes(tar_of(tmp_path / "root"))
    (flow,) = described_image(str(image), None).distributions
    assert flow.joined == INSIDE


def test_what_joins_is_the_same_to_both_readers():
    assert JOINING.pattern.encode() == contents.JOINING.pattern
    assert JOINING.flags & contents.JOINING.flags == contents.JOINING.flags


@pytest.mark.slow
def test_an_overlay_may_add_to_such_a_package(base, tmp_path, toy_index, monkeypatch):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)
    ov = tmp_path / "ov"
    assert envc("overlay", "init", ov, "--on", base).status == 0
    assert envc("overlay", "add", "flow-post", "--dir", ov).status == 0
    assert found_by_check(ov) == []
    shown = "import flow.settings, flow.providers.mail, flow.providers.post as p; print(p.n)"
    assert python(ov, shown) == "7"


@pytest.mark.slow
@pytest.mark.parametrize(("added", "code"), [("flow-thief", "ENVC402"), ("breaks", "ENVC404")])
def test_what_does_not_join_is_still_said(base, tmp_path, toy_index, monkeypatch, added, code):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)
    ov = tmp_path / "ov"
    assert envc("overlay", "init", ov, "--on", base).status == 0
    envc("overlay", "add", added, "--dir", ov)
    assert found_by_check(ov) == [code]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_one_project_of_such_a_package_is_replaced_apart(
    base, tmp_path, toy_index, monkeypatch, version
):
    """The compiled one stays: by a release that joins as of old, and one without an `__init__`."""
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)
    site = next(base.glob("lib/*/site-packages"))
    install(site, COMPILED_PART)
    install(site, part("1.0", "space/__init__.py"))
    ov = tmp_path / "ov"
    assert envc("overlay", "init", ov, "--on", base).status == 0
    report = envc("overlay", "add", f"space-pure=={version}", "--dir", ov, "--json").json
    assert (report["shadows"], report["lifts"]) == (["space-pure"], [])
    shown = "import space.fast, space.pure, flow.settings; print(space.fast.n, space.pure.n)"
    assert python(ov, shown) == f"1 {version[0]}"
    hidden = "import importlib.util as u; print(u.find_spec('space.pure.gone'))"
    assert python(ov, hidden) == "None"
    place = python(ov, "import space; print(space.__file__)")
    assert place.startswith(f"{base if version == '3.0' else ov}/")
    assert envc("verify", "--target", ov).status == 0
    assert found_by_check(ov) == ["ENVC203"]  # the note that it is replaced


@pytest.mark.slow
def test_the_project_of_the_package_itself_is_replaced_apart(
    base, tmp_path, toy_index, monkeypatch
):
    monkeypatch.setenv("ENVC_INDEX_URL", toy_index)
    install(next(base.glob("lib/*/site-packages")), POST)
    ov = tmp_path / "ov"
    assert envc("overlay", "init", ov, "--on", base).status == 0
    report = envc("overlay", "add", "flow>=2", "--dir", ov, "--json").json
    assert (report["shadows"], report["lifts"]) == (["flow"], [])
    code = "import flow.settings, flow.providers.post as p; print(flow.settings.there, p.n)"
    assert python(ov, code) == "newer 7"
    hidden = "import importlib.util as u; print(u.find_spec('flow.core'))"
    assert python(ov, hidden) == "None"


def found_by_check(ov: Path) -> list[str]:
    (verdict,) = envc("check", ov, "--json").json["overlays"]
    return [finding["code"] for finding in verdict["findings"]]
