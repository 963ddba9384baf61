"""What other tools call what envc does: `pip install`, `conda activate`, `uv sync`…"""

from collections.abc import Mapping

_COMMANDS: Mapping[str, str] = {
    "activate": "envc shell",
    "add": "envc overlay add",
    "apply": "envc materialize",
    "build": "envc materialize",
    "clean": "envc gc",
    "compile": "envc lock",
    "create": "envc init",
    "delete": "envc overlay delete",
    "deploy": "envc rollout",
    "exec": "envc run",
    "freeze": "envc export",
    "graph": "envc tree",
    "install": "envc overlay add",
    "list": "envc tree",
    "ls": "envc tree",
    "new": "envc init",
    "pin": "envc lock",
    "prune": "envc gc",
    "push": "envc rollout",
    "remove": "envc overlay remove",
    "rm": "envc overlay remove",
    "show": "envc why",
    "switch": "envc rollback",
    "sync": "envc overlay sync",
    "test": "envc check",
    "undo": "envc rollback",
    "uninstall-package": "envc overlay remove",
    "update": "envc lock --upgrade",
    "upgrade": "envc lock --upgrade",
    "validate": "envc check",
}
_VERBS: Mapping[str, Mapping[str, str]] = {
    "envc overlay": {
        "check": "envc check",
        "create": "envc overlay init",
        "destroy": "envc overlay delete",
        "edit": "envc overlay add",
        "gc": "envc gc --overlay",
        "install": "envc overlay add",
        "lock": "envc lock --overlay",
        "ls": "envc overlay list",
        "new": "envc overlay init",
        "rm": "envc overlay remove",
        "run": "envc run --overlay",
        "show": "envc tree --overlay",
        "status": "envc doctor --overlay",
        "tree": "envc tree --overlay",
        "uninstall": "envc overlay remove",
        "update": "envc overlay upgrade",
        "verify": "envc verify --overlay",
    },
    "envc kernel": {
        "add": "envc kernel install",
        "delete": "envc kernel remove",
        "ls": "envc kernel list",
        "register": "envc kernel install",
        "rm": "envc kernel remove",
        "uninstall": "envc kernel remove",
    },
}


def said_elsewhere(page: str, word: str) -> str:
    """A question, if others call something so that envc has; `page` is `envc` or `envc COMMAND`."""
    known = _COMMANDS if page == "envc" else _VERBS.get(page, {})
    return f"did you mean `{known[word]}`?" if word in known else ""
