"""The private environment of one build: its own Python tree, and only the wheels it asked for."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from envc.errors import OutsideError, UntrustedError

# What compilers and build tools are told by; a modulefile sets them. Nothing else of the person's
# environment reaches a build, and no variable that could hold a secret.
_PASSED = (
    *("AR", "CC", "CXX", "FC", "F77", "LD", "NM", "RANLIB", "STRIP"),
    *("CFLAGS", "CPPFLAGS", "CXXFLAGS", "FFLAGS", "FCFLAGS", "LDFLAGS", "MAKEFLAGS", "RUSTFLAGS"),
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
    *("PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH", "CARGO_BUILD_JOBS", "CMAKE_BUILD_PARALLEL_LEVEL"),
    *("CUDA_HOME", "MPICC", "MPICXX", "HDF5_DIR", "BLAS", "LAPACK"),
)
# 1980-01-01, the earliest time that a ZIP archive can express: the same in every build.
_EPOCH_SECONDS = 315_532_800


class BuildEnvironment:
    """A virtual environment in `folder`, made by `interpreter`; `log` hears of its making.

    Raises:
        OutsideError: the interpreter makes none.
    """

    def __init__(self, folder: str, interpreter: str, log: str) -> None:
        self.folder = folder
        self.python = f"{folder}/environment/bin/python"
        self._made = f"{folder}/environment"
        command = [interpreter, "-I", "-m", "venv", "--without-pip", self._made]
        try:
            with open(log, "ab") as file:
                subprocess.run(command, check=True, stdout=file, stderr=file, env=self.variables())
        except (OSError, subprocess.CalledProcessError) as error:
            raise OutsideError(
                f"{interpreter} makes no virtual environment to build in",
                where=log,
                mend="install Python's venv module (on Debian: python3-venv)",
            ) from error

    def variables(self) -> dict[str, str]:
        """All of the environment that a build sees."""
        home, temporary = f"{self.folder}/home", f"{self.folder}/temporary"
        for path in (home, temporary):
            os.makedirs(path, exist_ok=True)
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        path = os.environ.get("PATH", os.defpath)
        # The folder has another name each time; debug information would tell it.
        unnamed = f"-fdebug-prefix-map={os.path.realpath(self.folder)}=."
        for name in ("CFLAGS", "CXXFLAGS"):
            passed[name] = f"{passed.get(name, '')} {unnamed}".strip()
        return passed | {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": f"{self._made}/bin{os.pathsep}{path}",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
            "SOURCE_DATE_EPOCH": str(_EPOCH_SECONDS),
            "TMPDIR": temporary,
            "TZ": "UTC",
            "VIRTUAL_ENV": self._made,
        }

    def install(self, wheels: Iterable[str]) -> None:
        """Install these wheels' files; one that is there already is replaced.

        Raises:
            UntrustedError: a wheel is broken.
            OutsideError: the disk refused.
        """
        from installer import install
        from installer.destinations import SchemeDictionaryDestination
        from installer.exceptions import InstallerError
        from installer.sources import WheelFile

        destination = SchemeDictionaryDestination(
            self._scheme(), interpreter=self.python, script_kind="posix", overwrite_existing=True
        )
        for path in wheels:
            try:
                with WheelFile.open(Path(path)) as source:
                    install(source, destination, additional_metadata={})
            except OSError as error:
                raise OutsideError(
                    f"{os.path.basename(path)} cannot be installed for a build: "
                    f"{error.strerror or error}",
                    where=self.folder,
                    mend="free some space there, or let TMPDIR name another folder",
                ) from error
            except (InstallerError, ValueError, LookupError) as error:
                raise UntrustedError(
                    f"{os.path.basename(path)} cannot be installed for a build: {error}",
                    where=path,
                    mend="exclude this version under [resolver], or tell who publishes it",
                ) from error

    def _scheme(self) -> dict[str, str]:
        (version,) = os.listdir(f"{self._made}/lib")
        packages = f"{self._made}/lib/{version}/site-packages"
        return {
            "purelib": packages,
            "platlib": packages,
            "headers": f"{self._made}/include/site/{version}",
            "scripts": f"{self._made}/bin",
            "data": self._made,
        }
