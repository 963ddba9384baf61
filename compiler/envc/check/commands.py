"""Commands: two of one name in an overlay, or one that hides the base's."""

from collections.abc import Iterator

from envc.check.make import finding
from envc.check.subject import Subject
from envc.model import codes
from envc.model.finding import Finding
from envc.model.wheel import WheelContents


def commands(subject: Subject) -> Iterator[Finding]:
    """Collisions in the overlay's own `bin/`, and base commands that it hides."""
    for scene in subject.scenes:
        taken: dict[str, tuple[str, str]] = {}
        for contents in scene.own:
            project = contents.facts.project
            for command, runs in _runs(contents):
                other, others = taken.setdefault(command, (project, runs))
                if other != project and others != runs:
                    yield finding(
                        codes.COMMAND_TWICE,
                        f"{other} and {project} both install the command {command}",
                        (other, project),
                        where=subject.where(project),
                        mend=f"take {other} or {project} out of the overlay",
                    )
                for below in scene.inventory.commands.get(command, ()):
                    if scene.visible(below):
                        yield finding(
                            codes.COMMAND_HIDDEN,
                            f"the command {command} of {project} hides that of "
                            f"{scene.inventory.called(below)}",
                            (project, below),
                            where=subject.where(project),
                            mend=f"take {project} out of the overlay, or run the other one by "
                            "`envc run --layer`",
                        )


def _runs(contents: WheelContents) -> Iterator[tuple[str, str]]:
    """Every command of a wheel, and what it runs: an entry point, or the digest of a file."""
    for script in contents.facts.console_scripts:
        yield script.name, f"{script.module}:{script.attribute}"
    for path in contents.facts.scripts:
        yield path.removeprefix("bin/"), contents.files.get(path, "")
