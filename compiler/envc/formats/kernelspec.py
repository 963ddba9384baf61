"""`kernel.json`: how Jupyter starts a kernel, and what envc notes in it of the stack it starts.

    KernelSpec ⇄ text

Source: https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
"""

import json
from typing import Any

from envc.model.value import value

# The module of ipykernel that Jupyter starts with a connection file.
LAUNCHER = "ipykernel_launcher"
_NOTE = "envc"


@value(kw_only=True)
class KernelSpec:
    """A kernel that envc has registered: the stack that it runs in, and the variables it gets.

    `tree` is the stable path of the stack. One of an overlay has a `layer` of None; else `tree` is
    that layer's, in the `target`.
    """

    display_name: str
    tree: str
    target: str | None
    layer: str | None
    env: dict[str, str]

    @property
    def python(self) -> str:
        """The interpreter that Jupyter starts: it leads to the stack's current generation."""
        return f"{self.tree}/bin/python"


def kernelspec_to_text(spec: KernelSpec) -> str:
    """The text of a `kernel.json`.

    Modules of the standard library are read from their files, as debuggers need it. Jupyter fills
    variables into the values of `env`, so each `$` of ours is doubled, but for that of PATH.
    """
    env = {name: text.replace("$", "$$") for name, text in spec.env.items()}
    bin_folder = f"{spec.tree}/bin".replace("$", "$$")
    document = {
        "argv": [
            spec.python,
            "-Xfrozen_modules=off",
            "-m",
            LAUNCHER,
            "-f",
            "{connection_file}",
        ],
        "display_name": spec.display_name,
        "language": "python",
        "env": {**env, "PATH": f"{bin_folder}:${{PATH}}", "VIRTUAL_ENV": spec.tree},
        "metadata": {
            "debugger": True,
            _NOTE: {"tree": spec.tree, "target": spec.target, "layer": spec.layer},
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def kernelspec_from_text(text: bytes) -> KernelSpec | None:
    """The kernel that envc has registered; None: it is another's, or no `kernel.json`."""
    try:
        document: Any = json.loads(text)
        note = document["metadata"][_NOTE]
        texts = document["display_name"], note["tree"]
        places = note["target"], note["layer"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    fits = all(isinstance(each, str) for each in texts)
    if not fits or not all(isinstance(each, str | None) for each in places):
        return None
    (display_name, tree), (target, layer) = texts, places
    return KernelSpec(display_name=display_name, tree=tree, target=target, layer=layer, env={})
