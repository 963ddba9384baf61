"""Hatchling's hook: a wheel also has the files of the folder that `ENVC_SHARED_FILES` names.

`make dist` fills that folder (manuals.py). Without it, as for an editable installation, a build needs
nothing but hatchling.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFiles(BuildHookInterface):  # type: ignore[misc,type-arg] # hatchling is not here to mypy
    """What stands below `share/` of the environment that the wheel is installed in."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - its form
        """Note the files."""
        folder = os.environ.get("ENVC_SHARED_FILES")
        for file in sorted(Path(folder).rglob("*")) if folder else ():
            if file.is_file():
                place = f"share/{file.relative_to(str(folder)).as_posix()}"
                build_data["shared_data"][str(file)] = place
