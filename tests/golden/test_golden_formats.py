"""Every case of `formats/`: one spec or lock in, every fault of it (or that there is none) out."""

from pathlib import Path

import pytest

from envc.errors import EnvcError
from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site
from envc.formats.envc_toml import read_site
from envc.formats.overlay_toml import read_overlay
from envc.formats.pylock_read import lock_from_text
from envc.lock import select_wheels
from support.cases import MACHINE, TARGET
from support.golden import compare


def site(text, name):
    spec = expand_site(read_site(text, name), lambda _: MACHINE)
    layers = ", ".join(f"{layer.name} on {layer.base}" for layer in spec.layers)
    return f"site {spec.name}: {layers}; targets {', '.join(t.name for t in spec.targets)}\n"


def overlay(text, name):
    spec = expand_overlay(read_overlay(text, name))
    return f"overlay {spec.name} on {spec.base}, {len(spec.requires)} requirements\n"


def lock(text, name):
    found = lock_from_text(text, name, "user")
    chosen = [f"{pin.project} {wheel.filename}" for pin, wheel in select_wheels(found, TARGET)]
    return "\n".join([f"lock of {found.layer} by {found.created_by}", *chosen]) + "\n"


KINDS = {
    "envc.toml": site,
    "pyproject.toml": site,
    "overlay.toml": overlay,
    "pylock.user.toml": lock,
}
CASES = sorted(path for name in KINDS for path in Path(__file__).parent.glob(f"formats/*/{name}"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_the_file_is_read_as_recorded(path, update_golden):
    try:
        said = KINDS[path.name](path.read_bytes(), path.name)
    except EnvcError as error:
        said = (
            f"{type(error).__name__}, status {error.status}, {len(error.faults)} faults\n{error}\n"
        )
    compare(path.parent / "out.txt", said, update=update_golden)
