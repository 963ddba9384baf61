"""Code that runs whenever Python starts."""

from collections.abc import Iterator
from posixpath import basename

from envc.check.make import finding
from envc.check.subject import Subject
from envc.model import codes
from envc.model.finding import Finding


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
                yield finding(
                    codes.START_UP_CODE,
                    f"{project} is started with every Python: {', '.join(map(basename, files))}",
                    (project,),
                    where=subject.where(project),
                    mend=f"look at what it does; if it is to stay, ignore {codes.START_UP_CODE} "
                    "under [check] with a reason",
                )
