"""The folder in which Jupyter finds a user's own kernels, and those in it that are envc's."""

import os
from collections.abc import Iterator, Mapping

from envc.disk.digests import known_bytes
from envc.disk.durable import doing, make_folder, write_file
from envc.disk.ownership import exposed, home_folder
from envc.errors import UsageError
from envc.formats.kernelspec import KernelSpec, kernelspec_from_text, kernelspec_to_text

_FILE = "kernel.json"
_MOST_BYTES = 1 << 20


def kernels_folder(environ: Mapping[str, str]) -> str:
    """Where Jupyter looks for the user's kernels; it need not be there.

    Source: https://docs.jupyter.org/en/latest/use/jupyter-directories.html
    """
    shared = environ.get("XDG_DATA_HOME") or f"{home_folder(environ)}/.local/share"
    data = environ.get("JUPYTER_DATA_DIR") or f"{shared}/jupyter"
    return os.path.abspath(f"{data}/kernels")


def registered(folder: str) -> Iterator[tuple[str, KernelSpec]]:
    """Name and spec of each kernel that envc registered there, in order of name."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        spec = read_kernel(folder, name)
        if spec is not None:
            yield name, spec


def read_kernel(folder: str, name: str) -> KernelSpec | None:
    """The kernel of that name; None where there is none, or it is not envc's."""
    text = known_bytes(f"{folder}/{name}/{_FILE}", _MOST_BYTES)
    return kernelspec_from_text(text) if text is not None else None


def write_kernel(folder: str, name: str, spec: KernelSpec) -> bool:
    """Register a kernel, or what it is now; whether anything was to be written.

    Raises:
        UsageError: another's kernel has that name, or others could change the folder.
    """
    path = f"{folder}/{name}/{_FILE}"
    text = kernelspec_to_text(spec).encode()
    before = read_kernel(folder, name)
    if os.path.lexists(f"{folder}/{name}") and (before is None or before.tree != spec.tree):
        whose = f"of {before.tree}" if before is not None else "that envc did not make"
        raise UsageError(
            f"there is a kernel {name!r} {whose}",
            where=f"{folder}/{name}",
            mend="choose another name with --name, or remove that one first",
        )
    _refuse_others(folder)
    if known_bytes(path, _MOST_BYTES) == text:
        return False
    with doing("register the kernel", path):
        make_folder(os.path.dirname(path))
        write_file(path, text)
    return True


def remove_kernel(folder: str, name: str) -> None:
    """Remove a kernel of envc's; what else stands in its folder stays."""
    _refuse_others(folder)
    place = f"{folder}/{name}"
    with doing("remove the kernel", place):
        os.unlink(f"{place}/{_FILE}")
        if not os.listdir(place):
            os.rmdir(place)


def _refuse_others(folder: str) -> None:
    """Refuse to write where somebody else could lead it: HOME may be his, as sudo may leave it."""
    found = exposed(folder, may_be_made=True)
    if found is not None:
        raise UsageError.of([found.fault])
