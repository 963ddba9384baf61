"""What is wrong with a pin of the overlay, looked at alone, and with its wheel."""

from collections.abc import Iterator, Sequence
from posixpath import basename

from packaging.specifiers import SpecifierSet

from envc.check.subject import Scene, Subject
from envc.errors import shell_word
from envc.model import codes
from envc.model.finding import Finding
from envc.model.lock import LockedPin

_SHOWN = 5


def pins(subject: Subject) -> Iterator[Finding]:
    """Findings on the overlay's own pins, whatever their wheels contain."""
    if subject.lock is None:
        return
    for pin in subject.lock.pins:
        called = f"{pin.project} {pin.version}"
        for scene in subject.scenes:
            target = scene.target
            if not pin.holds_on(target.markers):
                continue
            if all(target.rank(wheel.filename) is None for wheel in pin.wheels):
                what = f"{called} has no wheel for {target}"
                mend = f"ask for a version of {pin.project} that has one, or lock again"
                yield subject.finding(codes.NO_WHEEL, what, pin.project, mend=mend)
            for claimed in _refusals(pin, scene):
                what = f"{called} needs Python {claimed}; target {target.name} has "
                what += target.python_full
                mend = f"ask for a version of {pin.project} that runs on it"
                yield subject.finding(codes.REQUIRES_PYTHON, what, pin.project, mend=mend)
        if pin.project in subject.yanked:
            reason = subject.yanked[pin.project]
            what = f"{called} was yanked by its authors" + (f": {reason}" if reason else "")
            again = (
                f"envc lock --overlay {shell_word(subject.spec)} "
                f"--upgrade-package {shell_word(pin.project)}"
            )
            yield subject.finding(codes.YANKED, what, pin.project, mend=f"let it move: {again}")


def _refusals(pin: LockedPin, scene: Scene) -> Iterator[str]:
    """What a pin says of the Pythons that it runs on, where the target's is none of them."""
    claims = {pin.requires_python}
    claims |= {c.facts.requires_python for c in scene.own if c.facts.project == pin.project}
    for claimed in sorted(claim for claim in claims if claim):
        try:
            if not SpecifierSet(claimed).contains(scene.target.version, prereleases=True):
                yield claimed
        except ValueError:
            continue  # pip takes it for absent, and so does the resolver


def start_up(subject: Subject) -> Iterator[Finding]:
    """Projects of the overlay that bring `.pth` or `.start` files, or a `sitecustomize`."""
    lock = subject.lock
    # An editable project is led to by a `.pth`: that is what its owner asked for.
    editable = {pin.project for pin in lock.pins if pin.directory is not None} if lock else set()
    for scene in subject.scenes:
        for contents in scene.own:
            files = contents.facts.start_files
            if files and contents.facts.project not in editable:
                project = contents.facts.project
                yield subject.finding(
                    codes.START_UP_CODE,
                    f"{project} is started with every Python: {', '.join(map(basename, files))}",
                    project,
                    mend=f"look at what it does; if it is to stay, ignore {codes.START_UP_CODE} "
                    "under [check] with a reason",
                )


def untold(subject: Subject) -> Iterator[Finding]:
    """One finding where a part is replaced of a base of which nothing but versions is known.

    What it adds cannot break what the base's projects require: that is there.
    """
    lock = subject.lock
    changed = sorted({*lock.shadows, *lock.lifts, *lock.hides}) if lock is not None else []
    if changed and subject.inventory.known == "versions":
        yield subject.finding(
            codes.REQUIREMENTS_UNKNOWN,
            f"whether the base goes with the overlay's {_listed(changed)} is not known: it was "
            "described by a list of versions, which does not tell what its projects require",
            *changed,
            mend="describe the environment where it stands: `envc describe`",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def unknown(subject: Subject) -> Iterator[Finding]:
    """One finding for each reason, with the projects that it keeps in the dark."""
    by_reason: dict[tuple[str, str], dict[str, str]] = {}
    for each in subject.unknown:
        fault = each.fault
        by_reason.setdefault((fault.what, fault.mend), {})[each.project] = fault.where
    for (what, mend), places in by_reason.items():
        names = sorted(places)
        place = f" ({places[names[0]]})" if len(names) == 1 and places[names[0]] else ""
        yield subject.finding(
            codes.CONTENTS_UNKNOWN,
            f"what {_listed(names)} would install is not known: {what}{place}",
            *names,
            mend=mend or "let envc read the wheel: give it the network, a store or `--from DIR`",
        )
