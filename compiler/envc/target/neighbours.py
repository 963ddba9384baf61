"""Who else could run code as the caller of envc, or stop him: what is asked, and what was found."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from envc.disk.ownership import exposed, name_of_user
from envc.errors import EnvcError, shell_word
from envc.reports.doctor import Diagnosis, Exposure, State

_HARD_LINKS = "/proc/sys/fs/protected_hardlinks"
# What Python, the loader or a shell takes code from before anything of a stack.
_PATHS = ("PYTHONPATH", "LD_LIBRARY_PATH", "PYTHONSTARTUP", "BASH_ENV")
_COULD = {"run": "could run code as you", "stop": "could stop you"}


class Asked(NamedTuple):
    """A path that must be nobody else's; `owners` are those whom the caller has named."""

    subject: str
    path: str
    owners: tuple[int, ...] = ()
    threat: Literal["run", "stop"] = "run"
    may_be_made: bool = False


def exposures(asked: Iterable[Asked]) -> Iterator[Exposure]:
    """What others could change of these, each place once for a subject.

    Where somebody could run code as the caller, that he could stop him is not told, too.
    """
    seen: set[tuple[str, str]] = set()
    for each in asked:
        try:
            found = exposed(each.path, each.owners, may_be_made=each.may_be_made)
        except EnvcError:
            continue  # links in a circle lead nobody anywhere
        if found is None:
            continue
        place = ("" if each.threat == "stop" else each.subject, found.fault.where)
        if place in seen:
            continue
        seen |= {place, ("", found.fault.where)}
        yield Exposure(
            threat=each.threat,
            subject=each.subject,
            path=each.path,
            who=found.who,
            where=found.fault.where,
            what=found.fault.what,
            mend=found.fault.mend,
        )


def diagnosed(found: Iterable[Exposure], told: Iterable[str]) -> Iterator[Diagnosis]:
    """A line for each, but of the subjects that are told otherwise; one where there is nothing."""
    left = [each for each in found if each.subject not in set(told)]
    for each in left:
        what = f"{each.who} {_COULD[each.threat]}: {each.what} ({each.where})"
        state: State = "error" if each.threat == "run" else "warning"
        yield Diagnosis(f"{each.subject}: neighbours", state, what, each.mend)
    if not left:
        yield Diagnosis("neighbours", "ok", "nobody else could run code as you, or stop you")


def of_person(surroundings: Mapping[str, str], owners: tuple[int, ...]) -> Iterator[Asked]:
    """What every call of envc, and what it starts, takes from the person's own surroundings.

    `owners` are those whose envc this may be.
    """
    import envc

    yield Asked("envc", os.path.dirname(os.path.abspath(envc.__file__)), owners)
    yield Asked("interpreter", os.path.realpath(sys.executable), owners)
    yield Asked("home", os.path.expanduser("~"))
    for name in _PATHS:
        for part in filter(None, surroundings.get(name, "").split(":")):
            yield Asked(name, os.path.abspath(part), may_be_made=True)
    yield from _before_envc(surroundings.get("PATH", ""))


def _before_envc(path: str) -> Iterator[Asked]:
    """The folders in which a command `envc` of somebody else would be found before this one."""
    folders = path.split(":") if path else []
    places = [
        number for number, folder in enumerate(folders) if os.access(f"{folder}/envc", os.X_OK)
    ]
    for folder in folders[: places[0] + 1] if places else ():
        yield Asked("PATH", os.path.abspath(folder or os.curdir), may_be_made=True)


def of_owner(target: str, store: str, state: str | None) -> Iterator[Asked]:
    """What the owner of a target needs to work on it, beside the target itself."""
    for name in ("audit.jsonl", ".lock", "location.toml", "policy.json", "generations"):
        if os.path.lexists(f"{target}/{name}"):
            yield Asked("target's files", f"{target}/{name}", threat="stop")
    yield Asked("store", store, threat="stop")
    if state is not None:
        yield Asked("wanted state", state, owners_of(state))


def hindrances(target: str, store: str) -> Iterator[Diagnosis]:
    """What lets others stop the work on a target although nothing of it is theirs."""
    lock = f"{target}/.lock"
    try:
        if os.lstat(lock).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            what = f"who may read {lock} can hold it, and so stop you"
            yield Diagnosis("lock: neighbours", "warning", what, f"chmod 600 {shell_word(lock)}")
    except OSError:
        pass  # nothing was ever done there
    try:
        if os.stat(store).st_dev != os.stat(target).st_dev:
            what = f"{store} is on another file system than {target}: nothing can be linked"
            mend = "have one file system for both (no mount, no link to elsewhere)"
            yield Diagnosis("store: device", "warning", what, mend)
        owner = os.stat(store).st_uid
        if owner not in {0, os.stat(target).st_uid}:
            what = f"{store} belongs to user {name_of_user(owner)}: the kernel may refuse links"
            yield Diagnosis("store: owner", "error", what, f"chown it to the owner of {target}")
    except OSError:
        pass  # there is no store yet
    try:
        with open(_HARD_LINKS, encoding="ascii") as file:
            is_open = file.read().strip() == "0"
    except OSError:
        return
    if is_open:
        what = "everybody may link to your files, until a file has as many links as there can be"
        yield Diagnosis("links: neighbours", "warning", what, "sysctl fs.protected_hardlinks=1")


def owners_of(path: str) -> tuple[int, ...]:
    """Whom somebody has named who has named a path; nobody where it is not there."""
    try:
        return (os.stat(path).st_uid,)
    except OSError:
        return ()
