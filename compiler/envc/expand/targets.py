"""Machine kinds to the wheels they take and the markers they evaluate.

Sources: PEP 425 (tags), PEP 600 and PEP 656 (manylinux, musllinux), PEP 508 (markers).
"""

from collections.abc import Iterator

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from envc.model.target import Target

_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = {"x86_64": 5}
_OLDEST_GLIBC_ELSEWHERE = 17
_SYSTEMS = {
    "linux": ("posix", "Linux", "linux"),
    "macos": ("posix", "Darwin", "darwin"),
    "windows": ("nt", "Windows", "win32"),
}
_WINDOWS_MACHINES = {"x86_64": "AMD64"}
_DEFAULT_LIBC = {"linux": "glibc-2.28", "macos": "macos-14.0", "windows": ""}


def make_target(
    name: str, *, python_full: str, platform: str, libc: str | None, cpu: str | None = None
) -> Target:
    """The complete target of a machine kind.

    `platform` is `os-arch`; `libc` is `glibc-2.N`, `musl-1.N`, or on macOS the oldest system as
    `macos-N.M`; None takes the default of the system (glibc 2.28, macOS 14).
    """
    system, machine = platform.split("-", 1)
    libc = libc or _DEFAULT_LIBC[system]
    python = ".".join(python_full.split(".")[:2])
    version = tuple(map(int, python.split(".")))
    platforms = list(_platforms(system, machine, libc))
    abi = "cp" + python.replace(".", "")
    tags: list[Tag] = [
        *cpython_tags(version, [abi], platforms),
        *compatible_tags(version, abi, platforms),
    ]
    return Target(
        name=name,
        python=python,
        python_full=python_full,
        platform=platform,
        libc=libc,
        cpu=cpu,
        markers=_markers(system, machine, python=python, python_full=python_full),
        tags=tuple(tags),
    )


def _platforms(system: str, machine: str, libc: str) -> Iterator[str]:
    """Platform tags, the most specific first."""
    family, _, version = libc.partition("-")
    if system == "windows":
        yield "win_amd64"
    elif system == "macos":
        major, minor = map(int, version.split("."))
        yield from mac_platforms((major, minor), machine)
    else:
        yield f"linux_{machine}"  # built for this very kind of machine: packaging's order, too
        newest = int(version.split(".")[1])
        if family == "musl":
            for minor in range(newest, -1, -1):
                yield f"musllinux_1_{minor}_{machine}"
        else:
            oldest = _OLDEST_GLIBC.get(machine, _OLDEST_GLIBC_ELSEWHERE)
            for minor in range(newest, oldest - 1, -1):
                yield f"manylinux_2_{minor}_{machine}"
                if minor in _LEGACY_MANYLINUX:
                    yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _markers(system: str, machine: str, *, python: str, python_full: str) -> dict[str, str]:
    os_name, platform_system, sys_platform = _SYSTEMS[system]
    if system == "windows":
        machine = _WINDOWS_MACHINES[machine]
    return {
        "implementation_name": "cpython",
        "implementation_version": python_full,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": python_full,
        "python_version": python,
        "sys_platform": sys_platform,
    }
