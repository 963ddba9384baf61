"""How one set of projects differs from another, and what of one cannot be in the other."""

from collections.abc import Mapping

from envc.model.value import value


@value(kw_only=True)
class LayerChange:
    """How a layer differs from what it was before: projects with their versions."""

    added: dict[str, str]
    removed: dict[str, str]
    changed: dict[str, tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def words(self) -> list[str]:
        """Each change in words: `+six 1.17`, `-dask 1.0`, `numpy 1.26.4 -> 2.0.0`."""
        return [
            *(f"+{project} {version}" for project, version in self.added.items()),
            *(f"-{project} {version}" for project, version in self.removed.items()),
            *(f"{project} {old} -> {new}" for project, (old, new) in self.changed.items()),
        ]


@value
class Move:
    """A project of which people see another release than before; the reason, as far as known."""

    project: str
    before: str
    after: str
    reason: str

    def words(self) -> str:
        """`numpy 1.26.4 -> 2.4.6 (you asked for it)`."""
        because = f" ({self.reason})" if self.reason else ""
        return f"{self.project} {self.before} -> {self.after}{because}"


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> LayerChange:
    """The changes from one set of projects to another, each in order of name."""
    return LayerChange(
        added={p: after[p] for p in sorted(after.keys() - before.keys())},
        removed={p: before[p] for p in sorted(before.keys() - after.keys())},
        changed={
            p: (before[p], after[p])
            for p in sorted(before.keys() & after.keys())
            if before[p] != after[p]
        },
    )


@value
class LeftOut:
    """Something that `--from` found and that envc has no place for, where, and how to make up."""

    what: str
    where: str
    mend: str
