"""What `pip inspect` printed, as facts: metadata of all projects, and nothing of their files.

Source: https://pip.pypa.io/en/stable/reference/inspect-report/
"""

import json
import posixpath
import re
from typing import Any

from envc.described.foreign import FORMAT, MOST_FOLDERS
from envc.errors import UsageError

_NOTE = (
    "pip tells no files: which names can be imported is not known, and every project counts as "
    "compiled"
)
_LINES = {"requires_dist": "Requires-Dist", "provides_extra": "Provides-Extra"}


def is_inspected(text: bytes) -> bool:
    """Whether a text may be a report of `pip inspect`."""
    return b'"pip_version"' in text and b'"installed"' in text


def facts_of_inspected(text: bytes, source: str) -> dict[str, Any]:
    """The report as what the environment's own Python would print, as far as pip knows it.

    Raises:
        UsageError: it is no such report.
    """
    try:
        report = json.loads(text)
        machine = report["environment"]
        system = {"linux": "linux", "darwin": "macos"}[machine["sys_platform"]]
        folders: dict[str, list[dict[str, Any]]] = {}
        for each in report["installed"]:
            path, _, name = each["metadata_location"].rstrip("/").rpartition("/")
            folders.setdefault(path, []).append(_distribution(name, each["metadata"]))
        python = _python(list(folders))
        return {
            "facts": FORMAT,
            "implementation": machine["implementation_name"],
            "python_full": re.sub(r"[^\d.].*", "", machine["python_full_version"]),
            "executable": python,
            "base_executable": python,
            "platform": f"{system}-{machine['platform_machine']}",
            "libc": "",
            "modules": [],
            "variables": {},
            "folders": [_folder(path, found) for path, found in [*folders.items()][:MOST_FOLDERS]],
            "notes": [_NOTE],
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"this is no report of pip: {type(error).__name__}: {error}",
            where=source,
            mend="write it with `pip inspect > FILE`",
        ) from error


def _distribution(name: str, metadata: dict[str, Any]) -> dict[str, Any]:
    lines = [("Name", metadata["name"]), ("Version", metadata["version"])]
    lines += [("Requires-Python", text) for text in [metadata.get("requires_python")] if text]
    lines += [(key, text) for word, key in _LINES.items() for text in metadata.get(word) or ()]
    return known_by_metadata(
        name, "\n".join(f"{key}: {' '.join(str(text).split())}" for key, text in lines)
    )


def known_by_metadata(name: str, metadata: str) -> dict[str, Any]:
    """The facts of a distribution of which nobody tells the files: it may be compiled."""
    return {
        "name": name,
        "metadata": metadata,
        "requires": "",
        "entry_points": "",
        "how": "unknown",
        "paths": [f"{name}/"],
        "mapped": [],
        "compiled": True,
    }


def _folder(path: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    names = sorted(each["name"] for each in found)
    return {
        "path": path,
        "mtime": 0,
        "is_site": True,
        "added_by": "",
        "told": names,
        "top": dict.fromkeys(names, "folder"),
        "start_files": [],
        "distributions": found,
    }


def _python(folders: list[str]) -> str:
    """The interpreter that a folder of projects belongs to, by its place."""
    found = (re.match(r"(/.*)/lib(?:64)?/python[\d.]+/(?:site|dist)-packages", f) for f in folders)
    prefixes = [each.group(1) for each in found if each is not None]
    return posixpath.join(prefixes[0] if prefixes else "/usr", "bin/python3")
