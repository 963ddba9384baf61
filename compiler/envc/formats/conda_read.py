"""`environment.yml` → its pip part, as lines of requirements; and what only conda has.

Source: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
"""

import re
from collections.abc import Iterator
from typing import Any

from envc.errors import Fault, SpecError
from envc.formats.toml import cut
from envc.model.value import value

# Aliases make much of little.
_MOST_LINES = 10_000
_PYTHON = re.compile(r"python\s*=*\s*(3\.\d+)(?:[.=].*)?")


@value(kw_only=True)
class CondaEnvironment:
    """The lines of the pip part, each with its number; the X.Y that is asked for, "": none."""

    lines: tuple[tuple[str, int], ...]
    python: str
    left_out: tuple[Fault, ...]


def read_conda(text: str, file: str) -> CondaEnvironment:
    """What an `environment.yml` says.

    Raises:
        SpecError: it is none.
    """
    root = _composed(text, file)
    top = _mapping(root, file)
    dependencies = top.get("dependencies")
    if dependencies is None:
        raise SpecError("it has no dependencies", where=file, mend="name an environment.yml")
    lines: list[tuple[str, int]] = []
    left_out: list[Fault] = []
    python = ""
    for each in _sequence(dependencies, file):
        if each.id == "mapping":
            for key, group in _mapping(each, file).items():
                if key != "pip":
                    left_out.append(_left(f"the {key} part", group, file))
                    continue
                lines += [(_text(line, file), _line(line)) for line in _sequence(group, file)]
                if len(lines) > _MOST_LINES:
                    raise _refused(f"more than {_MOST_LINES} lines for pip", group, file)
            continue
        spec = _text(each, file)
        found = _PYTHON.fullmatch(spec.rpartition("::")[2])
        if found is not None:
            python = found[1]
        elif spec.rpartition("::")[2].partition("=")[0].strip() != "pip":
            left_out.append(_left(f"{spec}, a package of conda", each, file))
    return CondaEnvironment(lines=tuple(lines), python=python, left_out=tuple(left_out))


def _composed(text: str, file: str) -> Any:
    from ruamel.yaml import YAML  # few people come from conda
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="rt", pure=True)
    try:
        root = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{file}:{mark.line + 1}" if mark is not None else file
        what = f"not YAML: {error.problem or error.context}"
        raise SpecError(cut(what), where=where, mend="correct the syntax") from error
    except (YAMLError, ValueError) as error:
        what = str(error).partition("\n")[0]
        raise SpecError(cut(f"not YAML: {what}"), where=file, mend="correct the syntax") from error
    except RecursionError as error:
        raise SpecError("not YAML: nested too deeply", where=file) from error
    if root is None:
        raise SpecError("it is empty", where=file, mend="name an environment.yml")
    return root


def _mapping(node: Any, file: str) -> dict[str, Any]:
    if node.id != "mapping":
        raise _refused("this must be a mapping", node, file)
    return {_text(key, file): told for key, told in node.value}


def _sequence(node: Any, file: str) -> Iterator[Any]:
    if node.id == "scalar" and not node.value:
        return
    if node.id != "sequence":
        raise _refused("this must be a list", node, file)
    yield from node.value


def _text(node: Any, file: str) -> str:
    if node.id != "scalar":
        raise _refused("this must be a text", node, file)
    return str(node.value)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _refused(what: str, node: Any, file: str) -> SpecError:
    return SpecError(what, where=f"{file}:{_line(node)}", mend="correct it")


def _left(what: str, node: Any, file: str) -> Fault:
    mend = "put what the index has of it under requires; the rest is the nodes' own"
    return Fault(cut(what), f"{file}:{_line(node)}", mend)
