"""`envc overlay`: create, edit, lock and build a user's layer."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envc.disk.ownership import refuse_foreign
from envc.errors import Fault, UsageError, shell_word
from envc.formats.overlay_edit import with_lines, without_lines
from envc.formats.overlay_toml import ON_TEMPLATE, TEMPLATE
from envc.formats.toml import toml_of
from envc.host.context import Context
from envc.locking.report import LockOptions
from envc.model.names import NAME_FORM, OVERLAY_SPEC, SHOWN_OF_OVERLAYS
from envc.model.spec import Origin, OverlaySpec
from envc.model.value import replace
from envc.overlays.build import MeanwhileChangedError, lock_and_build
from envc.overlays.described import DescribedBase, base_found, base_of_overlay, on_to_toml
from envc.overlays.options import OverlayOptions
from envc.overlays.places import is_on_described
from envc.reports.overlay import OverlayReport
from envc.sites.overlay_folder import holds_overlay, lost_spec
from envc.sites.site import check_base, overlay_from, overlay_lock, overlay_text
from envc.supply.editables import directory_of
from envc.target.by_hand import Foreign, by_hand
from envc.target.directory import Directory, Shape
from envc.target.opened import Target, built_overlay, find_target, open_target

if TYPE_CHECKING:
    from envc.overlays.arrived import Start

# So often an edit begins anew where somebody else edits, too.
_TRIES = 5


def create(
    options: OverlayOptions, base: str | None, context: Context, start: "Start | None" = None
) -> OverlayReport:
    """A new overlay, built: it sees its base, and what somebody `start`s with.

    Raises:
        UsageError: there is one already, or was; or the name cannot be an overlay's.
    """
    folder, path, name = _new_place(options)
    target = open_target(find_target(options.target, folder))
    chosen = base or default_layer(
        target, f"make it with `envc overlay init {shell_word(folder)} --base L`"
    )
    text = TEMPLATE.format(name=name, base=chosen).encode()
    if start is not None:
        text = start.text(name, {"base": chosen})
    spec = overlay_from(text, path)
    check_base(target.site.spec, spec, base_at=f"--base {shell_word(chosen)}", name_at=folder)
    return _built_new(spec, text, target, context, start)


def create_own(options: OverlayOptions, context: Context) -> None:
    """The user's own overlay, at its first use; nothing where it is there.

    Raises:
        UsageError: as for `create`.
    """
    if not holds_overlay(options.folder):
        create(options, None, context)


def create_on(
    options: OverlayOptions, what: str, context: Context, start: "Start | None" = None
) -> OverlayReport:
    """A new overlay, built, on the environment that `what` means: an interpreter or a prefix.

    Raises:
        UsageError: there is no such thing, or it is not to be run; or as for `create`.
    """
    folder, path, name = _new_place(options)
    refuse_foreign(folder)
    base = base_found(what, folder, os.environ)
    text = ON_TEMPLATE.format(name=name, on=on_to_toml(base.on)).encode()
    if start is not None:
        text = start.text(name, {"on": toml_of(base.on)})
    return _built_new(overlay_from(text, path), text, base, context, start)


def _built_new(
    spec: OverlaySpec,
    text: bytes,
    target: Target | DescribedBase,
    context: Context,
    start: "Start | None",
) -> OverlayReport:
    if start is None:
        return lock_and_build(spec, text, target, LockOptions(), context, read=b"")
    options = LockOptions(arrived=start.pins)
    report = lock_and_build(spec, text, target, options, context, read=b"")
    return replace(report, left_out=start.left_out())


def _new_place(options: OverlayOptions) -> tuple[str, str, str]:
    """The folder of a new overlay, its spec's path, and its name.

    Raises:
        UsageError: there is one already, or was; or the name cannot be an overlay's.
    """
    folder = os.path.abspath(options.folder)
    path = f"{folder}/{OVERLAY_SPEC}"
    lost = lost_spec(folder)
    if lost is not None:
        raise UsageError.of([lost])
    if os.path.exists(path):
        raise UsageError(
            "there is an overlay already",
            where=path,
            mend=f"build it with `envc overlay sync --dir {shell_word(folder)}`",
        )
    name = os.path.basename(folder)
    if re.fullmatch(NAME_FORM, name) is None:
        raise UsageError(
            f"{name!r} cannot be an overlay's name: lower-case letters, digits, - and _",
            where=folder,
            mend="choose another folder name",
        )
    _refuse_what_is_there(folder)
    return folder, path, name


def _refuse_what_is_there(folder: str) -> None:
    """Refuse a folder with files where an overlay shows its tree: they would be lost."""
    names = [
        name
        for name in SHOWN_OF_OVERLAYS
        if os.path.lexists(f"{folder}/{name}") and not _is_shown(f"{folder}/{name}")
    ]
    if names:
        raise UsageError(
            f"the folder holds {', '.join(names)}, where an overlay shows its own",
            where=folder,
            mend="choose another folder; one that is not there is made",
        )


def _is_shown(path: str) -> bool:
    return os.path.islink(path) and os.readlink(path).startswith("current/")


def default_layer(target: Target, mend: str) -> str:
    """The layer to stand on when nobody says: `user`, or the only one that is open.

    Raises:
        UsageError: there are several, or none; `mend` tells how to name a layer L.
    """
    known = [layer.name for layer in target.site.spec.layers if layer.mode == "open"]
    if "user" in known:
        return "user"
    if len(known) == 1:
        return known[0]
    raise UsageError(
        "which common layer to stand on is not clear",
        where=target.directory.path,
        mend=f"{mend}, L one of {', '.join(known)}"
        if known
        else "ask the site's administrator to open a layer to overlays",
    )


def add(
    options: OverlayOptions,
    requirements: Sequence[Requirement],
    editable: Sequence[str],
    context: Context,
) -> OverlayReport:
    """The overlay with these requirements, and with the projects that stand in these folders.

    Spec and tree stay as they were when it fails.
    """
    folders = [_written(path) for path in editable]

    def edit(spec: OverlaySpec, text: bytes) -> bytes:
        known = {directory_of(spec, sourced.path) for sourced in spec.editable}
        new = [path for path in folders if directory_of(spec, path) not in known]
        return with_lines(text, requirements, new)

    return _edited(options, edit, context)


def _written(path: str) -> str:
    """A folder as the spec shall name it: absolute, from home where it is there."""
    absolute, home = os.path.abspath(os.path.expanduser(path)), os.path.expanduser("~")
    return f"~{absolute.removeprefix(home)}" if absolute.startswith(f"{home}/") else absolute


def _project_of(word: str) -> NormalizedName:
    try:
        return canonicalize_name(Requirement(word).name)
    except InvalidRequirement:
        return canonicalize_name(word)


def remove(options: OverlayOptions, words: Sequence[str], context: Context) -> OverlayReport:
    """The overlay without requirements on these projects, and without these editable ones.

    A word is a project's name, a line as it was added, or the folder of an editable project.

    Raises:
        UsageError: it has no requirement on one of them.
    """

    def edit(spec: OverlaySpec, text: bytes) -> bytes:
        places = {word: _editable_paths(spec, word) for word in words}
        gone = [path for paths in places.values() for path in paths]
        others = [word for word, paths in places.items() if not paths]
        names = [_project_of(word) for word in others if "/" not in word]
        edited, absent = without_lines(text, names, gone)
        folders = [word for word in others if "/" in word]
        if absent or folders:
            from envc.formats.nearest import mend_of  # few words are mistyped

            where = f"{options.folder}/{OVERLAY_SPEC}"
            asked = [each.requirement.name for each in spec.requires]
            named = mend_of(absent[0] if absent else "", asked, "name a project of its `requires`")
            raise UsageError.of(
                [
                    Fault(f"the overlay has no {what} {', '.join(words)}", where, mend)
                    for what, words, mend in (
                        ("requirement on", absent, named),
                        ("project in", folders, "name a folder that stands in overlay.editable"),
                    )
                    if words
                ]
            )
        return edited

    return _edited(options, edit, context)


def _editable_paths(spec: OverlaySpec, word: str) -> list[str]:
    """The entries of `editable` that a word means: by path, or by the project's name."""
    lock = overlay_lock(spec)
    folders = {os.path.abspath(os.path.expanduser(word))} if "/" in word else set()
    for pin in lock.lock.pins if lock is not None else ():
        if pin.directory is not None and pin.project == canonicalize_name(word):
            folders.add(pin.directory)
    return [each.path for each in spec.editable if directory_of(spec, each.path) in folders]


def sync(options: OverlayOptions, context: Context) -> OverlayReport:
    """The overlay as its spec says, locked against the base that the target has now."""
    return _edited(options, lambda _, text: text, context)


def upgrade(options: OverlayOptions, projects: tuple[str, ...], context: Context) -> OverlayReport:
    """The overlay with the newest releases that its spec allows: of `projects`, none given: of all.

    Raises:
        UsageError: it has none of a project of its own.
    """
    moving = LockOptions(upgrade=not projects, projects=frozenset(projects))

    def known(spec: OverlaySpec, text: bytes) -> bytes:
        lock = overlay_lock(spec)
        own = {pin.project for pin in lock.lock.pins} if lock is not None else set()
        unknown = [name for name in projects if canonicalize_name(name) not in own]
        if unknown:
            from envc.formats.nearest import mend_of  # few words are mistyped

            raise UsageError(
                f"the overlay installs no {', '.join(unknown)} of its own",
                where=spec.file,
                mend=mend_of(
                    unknown[0],
                    own,
                    "`envc overlay add` asks for another release than the base's; the base itself "
                    "is its administrator's to upgrade",
                ),
            )
        return text

    return _edited(options, known, context, moving=moving)


def adopt(options: OverlayOptions, context: Context) -> OverlayReport:
    """The overlay with what was installed into it by hand, as requirements of its spec.

    What only came along with something else is left to the resolver. A `sync` may have left behind
    what was installed: then an earlier generation has it.
    """
    installed = _last_installed(Directory(os.path.abspath(options.folder), Shape.OVERLAY))
    asked = [each for each in installed if each.requested] or installed
    requirements = [Requirement(f"{each.project}=={each.version}") for each in asked]
    return _edited(options, lambda _, text: with_lines(text, requirements), context, adopting=True)


def _last_installed(directory: Directory) -> Sequence[Foreign]:
    """What was installed by hand into the newest generation that has such a thing."""
    built_overlay(directory)
    for number in reversed(directory.numbers()):
        found = by_hand(directory, directory.record(number)).installed
        if found:
            return found
    return ()


def _edited(
    options: OverlayOptions,
    edit: Callable[[OverlaySpec, bytes], bytes],
    context: Context,
    *,
    moving: LockOptions | None = None,
    adopting: bool = False,
) -> OverlayReport:
    """The overlay with its spec edited; what somebody else edits meanwhile is edited once more."""
    tries = 0
    while True:
        try:
            return _edited_once(options, edit, context, moving=moving, adopting=adopting)
        except MeanwhileChangedError:
            tries += 1
            if tries > _TRIES:
                raise
        context.reporter.note("the spec was changed meanwhile: once more, from what it says now")


def _edited_once(
    options: OverlayOptions,
    edit: Callable[[OverlaySpec, bytes], bytes],
    context: Context,
    *,
    moving: LockOptions | None,
    adopting: bool,
) -> OverlayReport:
    folder = os.path.abspath(options.folder)
    path = f"{folder}/{OVERLAY_SPEC}"
    text = overlay_text(path)
    spec = overlay_from(text, path)
    target = base_under(spec, options.target)
    if not adopting:
        directory = Directory(folder, Shape.OVERLAY)
        current = directory.sound_current()
        for told in by_hand(directory, current).said(folder) if current is not None else ():
            context.reporter.warn(told)
    edited = edit(spec, text)
    how = "installed by hand" if adopting else "given on the command line"
    wanted = _placed(overlay_from(edited, path), spec, how)
    return lock_and_build(wanted, edited, target, moving or LockOptions(), context, read=text)


def base_under(spec: OverlaySpec, target: str | None) -> Target | DescribedBase:
    """What an overlay stands on: a target, or an environment, described anew if it has changed.

    Raises:
        UsageError: it is not there.
    """
    if spec.on is not None:
        return base_of_overlay(spec, spec.on)
    folder = os.path.dirname(os.path.abspath(spec.file))
    if spec.base_dir is not None and is_on_described(f"{folder}/{spec.base_dir}"):
        raise UsageError(
            f"overlay {spec.base} stands on an environment that envc did not build, and no other "
            "overlay can stand on it yet",
            where=f"{spec.file} (overlay.base-dir)",
            mend="put what is asked for into that overlay itself",
        )
    return open_target(find_target(target, folder))


def _placed(edited: OverlaySpec, spec: OverlaySpec, how: str) -> OverlaySpec:
    """An edited spec with the places of its lines in the file as it stands.

    What does not stand there is said with `how` it came. So errors name what a person can find.
    """
    lines = {str(each.requirement): each.origin for each in spec.requires}
    paths = {each.path: each.origin for each in spec.editable}

    def place(known: Mapping[str, Origin], text: str) -> Origin:
        return known.get(text) or Origin(f"{text} {how}", 0, "")

    return replace(
        edited,
        requires=tuple(
            replace(each, origin=place(lines, str(each.requirement))) for each in edited.requires
        ),
        constraints=spec.constraints,
        editable=tuple(replace(each, origin=place(paths, each.path)) for each in edited.editable),
    )
