"""Which file of a release a target takes, and why it takes none."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from envc.model.release import Distribution, Release
from envc.model.target import Target
from envc.resolve.interpreter import python_fit
from envc.resolve.policy import NO_FILES, ONLY_SDIST, ONLY_WHEELS, YANKED, Policy, Reason


class TargetFiles:
    """The files that one target takes, by the site's policy."""

    def __init__(self, target: Target, policy: Policy) -> None:
        self._target = target
        self._policy = policy

    def best(self, release: Release) -> Distribution | None:
        """The wheel whose tag the target prefers most; of equals the highest build number.

        Where there is none, the source distribution, if the site allows that it is built.
        """
        if self._policy.takes_wheels(release.project):
            wheel = self._best_wheel(release)
            if wheel is not None:
                return wheel
        if not self._policy.may_build(release.project):
            return None
        allowed = (file for file in release.distributions if self._refusal(file) is None)
        sdists = [file for file in allowed if file.kind == "sdist"]
        return max(
            sdists,
            key=lambda sdist: (sdist.filename.endswith(".tar.gz"), sdist.filename),
            default=None,
        )

    def reasons(self, release: Release) -> Iterator[Reason]:
        """Why it takes none of the files."""
        allowed: list[Distribution] = []
        for file in release.distributions:
            refusal = self._refusal(file)
            if refusal is None:
                allowed.append(file)
            else:
                yield refusal
        kinds = {file.kind for file in allowed}
        if "wheel" in kinds and self._policy.takes_wheels(release.project):
            yield Reason("tags", f"no wheel for {self._target}")
        elif kinds:
            yield ONLY_SDIST if "sdist" in kinds else ONLY_WHEELS
        elif not release.distributions:
            yield NO_FILES

    def is_beyond(self, file: Distribution) -> bool:
        """Whether the target's Python is one that the file's upper bound excludes."""
        return python_fit(file.requires_python or "", self._target.version) == "beyond"

    def _best_wheel(self, release: Release) -> Distribution | None:
        """The same, of the wheels alone: of dozens of files, those with the best tag are read."""
        ranked = sorted(
            (rank, place)
            for place, filename in enumerate(release.files.names)
            if (rank := self._target.rank(filename)) is not None
        )
        for _, equals in groupby(ranked, key=itemgetter(0)):
            wheels = [release.distributions[place] for _, place in equals]
            allowed = [wheel for wheel in wheels if self._refusal(wheel) is None]
            if len(allowed) > 1:  # to ask for the build takes a name apart
                return max(allowed, key=lambda wheel: (wheel.build, wheel.filename))
            if allowed:
                return allowed[0]
        return None

    def _refusal(self, file: Distribution) -> Reason | None:
        too_new = self._policy.too_new(file)
        if too_new is not None:
            return too_new
        if file.yanked is not None and not self._policy.takes_yanked(file.project, file.version):
            return YANKED
        if python_fit(file.requires_python or "", self._target.version) == "below":
            return Reason("python", f"needs Python {file.requires_python}")
        return None
