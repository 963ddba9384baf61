"""One kind of machine: what wheels it takes and how markers evaluate on it.

Sources: PEP 425 (tags), PEP 600 and PEP 656 (manylinux, musllinux), PEP 508 (markers).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from envc.model.value import value

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


@value(kw_only=True, slots=False)
class Target:
    """A machine kind, as specs name it and locks record it.

    `platform` is `os-arch`; `libc` is `glibc-2.N`, `musl-1.N`, or on macOS the oldest system as
    `macos-N.M`, and empty on Windows.
    """

    name: str
    python_full: str
    platform: str
    libc: str
    cpu: str | None = None

    def __str__(self) -> str:
        libc = f", {self.libc}" if self.libc else ""
        return f"target {self.name} ({self.platform}{libc}, Python {self.python})"

    @property
    def python(self) -> str:
        """The X.Y of its Python."""
        return ".".join(self.python_full.split(".")[:2])

    @cached_property
    def markers(self) -> Mapping[str, str]:
        """The environment in which markers evaluate (PEP 508), `extra` left out."""
        system, machine = self.platform.split("-", 1)
        os_name, platform_system, sys_platform = _SYSTEMS[system]
        if system == "windows":
            machine = _WINDOWS_MACHINES[machine]
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python_full,
            "os_name": os_name,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": platform_system,
            "platform_version": "",
            "python_full_version": self.python_full,
            "python_version": self.python,
            "sys_platform": sys_platform,
        }

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of the wheels that it takes, from the most to the least preferred."""
        major, minor = map(int, self.python.split("."))
        platforms = list(self._platforms())
        abi = f"cp{major}{minor}"
        return (
            *cpython_tags((major, minor), [abi], platforms),
            *compatible_tags((major, minor), abi, platforms),
        )

    def _platforms(self) -> Iterator[str]:
        """Platform tags, the most specific first."""
        system, machine = self.platform.split("-", 1)
        family, _, version = self.libc.partition("-")
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


def default_libc(platform: str) -> str:
    """The C library of a kind of machine of which nobody says it."""
    return _DEFAULT_LIBC[platform.partition("-")[0]]


@value(kw_only=True)
class Machine:
    """What the machine that envc runs on is: the default target, and what nodes are held to."""

    interpreter: str
    python_full: str
    platform: str
    libc: str

    def target(self, name: str) -> Target:
        """It as a target."""
        return Target(
            name=name, python_full=self.python_full, platform=self.platform, libc=self.libc
        )
