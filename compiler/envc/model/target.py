"""One kind of machine: what wheels it takes and how markers evaluate on it.

Sources: PEP 425 (tags), PEP 600 and PEP 656 (manylinux, musllinux), PEP 508 (markers).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from envc.model.python import minor_of, python_of, version_of
from envc.model.value import value

# Of a wheel's name, before and in its tags.
_NAME_PARTS = 3
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
        return python_of(self.python_full)

    @property
    def version(self) -> str:
        """The full version of its Python, whichever build it is."""
        return version_of(self.python_full)

    @cached_property
    def markers(self) -> Mapping[str, str]:
        """The environment in which markers evaluate (PEP 508), `extra` left out."""
        system, machine = self.platform.split("-", 1)
        os_name, platform_system, sys_platform = _SYSTEMS[system]
        if system == "windows":
            machine = _WINDOWS_MACHINES[machine]
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": os_name,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": platform_system,
            "platform_version": "",
            "python_full_version": self.version,
            "python_version": version_of(self.python),
            "sys_platform": sys_platform,
        }

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The tags of the wheels that it takes, from the most to the least preferred."""
        version = (3, minor_of(self.python))
        platforms = list(self._platforms())
        abi = f"cp{self.python.replace('.', '')}"
        return (
            *cpython_tags(version, [abi], platforms),
            *compatible_tags(version, version_of(abi), platforms),
        )

    def rank(self, filename: str) -> int | None:
        """How much it prefers a wheel, 0 most; None for one that it does not take, or no wheel.

        Names stay text, and what was asked is kept: pages have thousands.
        Source: https://packaging.python.org/specifications/platform-compatibility-tags/
        """
        parts = filename.split("-", 2)
        if not filename.endswith(".whl") or len(parts) < _NAME_PARTS:
            return None
        text = parts[2]  # with the version's build, if it has one
        if text not in self._known_ranks:
            self._known_ranks[text] = self._rank_of_tags(text.removesuffix(".whl").lower())
        return self._known_ranks[text]

    def _rank_of_tags(self, text: str) -> int | None:
        sets = [part.split(".") for part in text.split("-")[-3:]]
        if len(sets) < _NAME_PARTS:
            return None
        ranks, own = self._ranks
        tags = map("-".join, product(*sets[:2], own.intersection(sets[2])))
        return min((ranks[tag] for tag in tags if tag in ranks), default=None)

    @cached_property
    def _known_ranks(self) -> dict[str, int | None]:
        return {}

    @cached_property
    def _ranks(self) -> tuple[dict[str, int], set[str]]:
        """The rank of each tag, and the platforms among them."""
        ranks = {str(tag): rank for rank, tag in enumerate(self.tags)}
        return ranks, {tag.platform for tag in self.tags}

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

    @property
    def python(self) -> str:
        """The X.Y of its Python."""
        return python_of(self.python_full)

    @property
    def version(self) -> str:
        """The full version of its Python, whichever build it is."""
        return version_of(self.python_full)

    def target(self, name: str) -> Target:
        """It as a target."""
        return Target(
            name=name, python_full=self.python_full, platform=self.platform, libc=self.libc
        )
