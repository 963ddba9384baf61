"""What a wheel says of itself, held together: RECORD, claims, and where its members go."""

import re
from collections.abc import Callable, Collection

from envc.model.lock import LockedWheel
from envc.model.value import value
from envc.model.wheel import WheelFacts
from envc.store.dist_info import SIGNATURE_FILES, Claims, identify, read_claims
from envc.store.layout import Layout, Placement
from envc.store.modules import module_tree
from envc.store.names import collisions
from envc.store.record import RecordRow, read_record
from envc.store.refusal import Problem, RefusedError, refuse_if

_START = re.compile(r"[^/]*\.(?:pth|start)|(?:sitecustomize|usercustomize)(?:\.[^/]*|/.*)")


@value
class Description:
    """A wheel on one X.Y: RECORD's rows and the placements of what is installed, by member.

    `unhashed` are the members that RECORD does not vouch for. The placements come in the order in
    which files are written: folder by folder.
    """

    rows: dict[str, RecordRow]
    unhashed: frozenset[str]
    layout: Layout
    claims: Claims
    placements: dict[str, Placement]

    def facts(self, wheel: LockedWheel, size_bytes: int) -> WheelFacts:
        """The facts of the wheel, which has so many bytes; all lists are sorted."""
        identity, prefix = self.layout.identity, f"{self.layout.site_packages}/"
        places = self.placements.values()
        paths = [place.path for place in places]
        inside = [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]
        return WheelFacts(
            filename=wheel.filename,
            digest=wheel.digest,
            size_bytes=size_bytes,
            project=identity.project,
            version=str(identity.version),
            dist_info=identity.dist_info,
            requires=self.claims.requires,
            requires_python=self.claims.requires_python,
            extras=self.claims.extras,
            modules=module_tree(inside, self.layout.python),
            console_scripts=self.claims.console_scripts,
            scripts=tuple(sorted(place.path for place in places if place.kind == "script")),
            start_files=tuple(sorted(prefix + path for path in inside if _START.fullmatch(path))),
            data_files=tuple(
                sorted(path for path in paths if not path.startswith((prefix, "bin/")))
            ),
        )


def describe(
    filename: str, members: Collection[str], read: Callable[[str], bytes], python: str
) -> Description:
    """The description of a wheel with these members; `read` gives the content of one.

    Raises:
        RefusedError: it contradicts itself, or what it has cannot stand in an environment.
    """
    identity = identify(filename, members)
    record, points = identity.file("RECORD"), identity.file("entry_points.txt")
    unhashed = frozenset({record, *(identity.file(name) for name in SIGNATURE_FILES)})
    for name in ("RECORD", "WHEEL", "METADATA"):
        if identity.file(name) not in members:
            raise RefusedError(Problem(identity.file(name), "the wheel does not hold it"))
    rows = read_record(read(record), record, members, unhashed=unhashed)
    claims = read_claims(
        identity,
        metadata=read(identity.file("METADATA")),
        wheel=read(identity.file("WHEEL")),
        entry_points=read(points) if points in members else None,
    )
    layout = Layout(identity, python)
    placed, problems = layout.places(members)
    commands = [script.name for script in claims.console_scripts]
    problems += [
        Problem(points, what) for name in commands if (what := layout.command_problem(name))
    ]
    refuse_if(problems)
    refuse_if(collisions([p.path for p in placed.values()] + [f"bin/{name}" for name in commands]))
    ordered = dict(sorted(placed.items(), key=lambda item: item[1].path.rpartition("/")))
    return Description(rows, unhashed, layout, claims, ordered)
