"""`envc overlay VERB`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.options import BASES, FINDS, FROM_OTHERS, OFFLINE, OVERLAY, OWN_OVERLAY, sources_of
from envc.cli.output import Output, counted, lines
from envc.formats.relations import RELATIONS

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envc.overlays.arrived import Start
    from envc.reports.overlay import OverlayReport
    from envc.reports.overlay_list import OverlayEntry

EDITABLE = Option(
    "-e, --editable",
    "DIR",
    "a project of yours, used where it stands: edits show at once",
    repeated=True,
)
_MOST_OF_A_USER = 50


def _sync(arguments: Arguments) -> Output:
    """Bring the overlay that is named to what its spec says."""
    from envc.cli.context import context_of
    from envc.commands.overlay_sync import sync
    from envc.overlays.options import OverlayOptions

    options = OverlayOptions(_folder(arguments), arguments.target)
    report = sync(options, context_of(arguments))
    return Output(report, told=_told(report))


def _change(verb: str, arguments: Arguments) -> Output:
    """Make or change the overlay that is named, and say what it is now."""
    from envc.cli.context import context_of
    from envc.overlays import edit
    from envc.overlays.options import OverlayOptions

    words = _words(arguments) if verb == "remove" else []
    folder, context = _folder(arguments, new=verb == "init"), context_of(arguments)
    options = OverlayOptions(folder, arguments.target)
    match verb:
        case "init":
            start = _start(arguments)
            if arguments.on is not None:
                report = edit.create_on(options, arguments.on, context, start)
            else:
                report = edit.create(options, arguments.base, context, start)
        case "add":
            requirements = _requirements(arguments.requirements, arguments.editable)
            if arguments.overlay is None:
                edit.create_own(options, context)
            report = edit.add(options, requirements, arguments.editable, context)
        case "remove":
            report = edit.remove(options, words, context)
        case "upgrade":
            report = edit.upgrade(options, tuple(arguments.projects), context)
        case _:
            report = edit.adopt(options, context)
    return Output(report, told=_told(report))


def _start(arguments: Arguments) -> "Start | None":
    """What a new overlay begins with; None: with nothing."""
    sources = sources_of(arguments)
    if not sources:
        return None
    from envc.arrivals import Chosen
    from envc.overlays.arrived import start_from

    return start_from(sources, Chosen.of(arguments.extra, arguments.group))


def _folder(arguments: Arguments, *, new: bool = False) -> str:
    from envc.overlays.places import overlay_folder

    word = arguments.overlay or getattr(arguments, "name", None)
    if new and arguments.on is not None:
        return _folder_for_on(word)
    return overlay_folder(word, arguments.target, new=new)


def _folder_for_on(word: str | None) -> str:
    """The folder of an overlay that has no site, and so no storage to be in."""
    import os

    from envc.errors import UsageError, shell_word
    from envc.overlays.places import is_path, overlay_folder

    if word is None or not (is_path(word) or os.path.isdir(word)):
        place = f"./{word or 'NAME'}"
        raise UsageError(
            "an overlay on an environment needs a folder of its own",
            where=word or "",
            mend=f"name it by a path: `envc overlay init {shell_word(place)} --on PYTHON`",
        )
    return overlay_folder(word, None, new=True)


def _requirements(texts: list[str], editable: list[str]) -> "list[Requirement]":
    from packaging.requirements import Requirement

    from envc.errors import Fault, UsageError, shell_word
    from envc.formats.document import requirement_text
    from envc.formats.values import FormError

    if not texts and not editable:
        raise UsageError("nothing to add", mend="name a requirement, or a folder with -e")
    found: list[Requirement] = []
    faults: list[Fault] = []
    for before, text in zip(["", *texts], texts, strict=False):
        if text[:1].isdigit() and before:
            meant = shell_word(f"{before}=={text}")
            faults.append(Fault(f"{text!r} is no project", mend=f"did you mean {meant}?"))
            continue
        try:
            found.append(Requirement(requirement_text(text)))
        except FormError as error:
            faults += [Fault(flaw.what, mend=flaw.mend) for flaw in error.flaws]
    if faults:
        raise UsageError.of(faults)
    return found


def _words(arguments: Arguments) -> list[str]:
    """What to remove; a folder that `-e` names has a slash, as one among the projects has."""
    from envc.errors import UsageError

    words = [*arguments.projects, *map(_by_path, arguments.editable)]
    if not words:
        raise UsageError("nothing to remove", mend="name a project, or a folder with -e")
    return words


def _told(report: "OverlayReport") -> Iterator[str]:
    state = "switched to" if report.changed else "unchanged: on"
    yield f"{report.name} on {report.base}: {state} generation {report.generation}"
    yield f"  inherits {counted(report.inherits, 'project')} from {report.target or report.on}"
    if report.modules:
        yield f"  needs the modules {', '.join(report.modules)}"
    if report.base_changes:
        yield f"  the base was upgraded: {', '.join(report.base_changes.words())}"
    yield from (f"  {line}" for line in _relations(report))
    for project, folder in report.editable.items():
        yield f"  {project} is edited in {folder}"
    if report.left_out:
        from envc.cli.init import said_of_left_out

        yield from said_of_left_out(report.left_out)
    yield f"  run {report.folder}/bin/python"


def _relations(report: "OverlayReport") -> Iterator[str]:
    """What has moved, and what the overlay has otherwise than its base: what is both, once."""
    reasons = {(move.project, move.before, move.after): move.words() for move in report.moves}
    for relation, word in RELATIONS:
        projects = getattr(report, relation)
        if relation not in ("shadows", "lifts"):
            yield from [f"{word} {', '.join(projects)}"] if projects else ()
            continue
        for project in projects:
            before, after = report.replaced.get(project, ("", ""))
            versions = f"{project} {before} -> {after}" if after else project
            yield f"{word} {reasons.pop((project, before, after), versions)}"
    yield from reasons.values()


def _list(arguments: Arguments) -> Output:
    from envc.commands.overlay_list import list_overlays

    report = list_overlays(arguments.target, everybody=arguments.all)
    users: dict[str, list[OverlayEntry]] = {}
    for each in report.overlays:
        users.setdefault(each.owner, []).append(each)
    printed = lines(line for user, theirs in users.items() for line in _of_user(user, theirs))
    none = [] if users else [f"no overlays of yours in {report.storage}"]
    return Output(report, printed=printed, told=none)


def _of_user(user: str, overlays: Sequence["OverlayEntry"]) -> Iterator[str]:
    """The overlays of a user, the first only of very many: his hide nobody else's."""
    for each in overlays[:_MOST_OF_A_USER]:
        yield from _entry(each)
    if len(overlays) > _MOST_OF_A_USER:
        yield f"and {len(overlays) - _MOST_OF_A_USER} more of {user}; --json has them all"


def _entry(entry: "OverlayEntry") -> Iterator[str]:
    number = "-" if entry.generation is None else str(entry.generation)
    yield (
        f"{entry.owner}/{entry.name}  on {entry.base or '?'}  generation {number}  "
        f"{counted(entry.distributions, 'project')}  {entry.state}"
    )
    if entry.why:
        yield f"    {entry.why}"


def _collect(arguments: Arguments) -> Output:
    from envc.cli.context import context_of, site_of
    from envc.commands.overlay_collect import collect_overlays

    report = collect_overlays(
        site_of(arguments), prune=arguments.prune, context=context_of(arguments)
    )
    changed = [each for each in report.overlays if each.changed]
    many = counted(len(report.overlays), "overlay")
    gone = "removed" if report.pruned else "gone from the storage (--prune removes it)"
    return Output(
        report,
        told=[
            f"{many} of {report.storage}, {len(changed)} changed",
            *(f"  {each.spec}, owned by {each.owner}" for each in changed),
            *(f"  left out: {folder}: {why}" for folder, why in report.left_out.items()),
            *(f"  {gone}: {path}" for path in report.gone),
        ],
    )


def _pack(arguments: Arguments) -> Output:
    from envc.overlays.pack import pack

    report = pack(_folder(arguments), arguments.output, alone=arguments.alone)
    size = f"{report.size_bytes / 1e6:.1f} MB"
    alone = "  its trees are removed; `envc run` stages the file, `sync` builds again"
    return Output(
        report,
        told=[
            f"{report.name}: {counted(report.files, 'file')} in {report.path}, {size}",
            f"  digest {report.digest}",
            *([alone] if report.alone else []),
        ],
    )


def _delete(arguments: Arguments) -> Output:
    import sys

    from envc.commands.overlay_delete import delete_overlay
    from envc.errors import UsageError

    if arguments.name is None and arguments.overlay is None:
        raise UsageError("no overlay is named", mend="name one of `envc overlay list`")
    folder, with_spec = _folder(arguments), arguments.spec
    if not (arguments.dry_run or arguments.yes):
        if not sys.stdin.isatty():
            raise UsageError(
                "nobody can be asked whether this overlay is to go",
                where=folder,
                mend="say so with --yes; --dry-run tells what would go",
            )
        from envc.cli.asking import agreed
        from envc.reports.overlay_delete import DeletedOverlay

        what = "and its spec" if with_spec else "but for its spec"
        if not agreed(f"remove {folder}, {what}?"):
            nothing = DeletedOverlay(folder=folder, dry_run=False, removed=(), left=())
            return Output(nothing, told=["nothing was removed"])
    report = delete_overlay(folder, with_spec=with_spec, dry_run=arguments.dry_run)
    verb = "would remove" if report.dry_run else "removed"
    told = [f"{report.folder}: {verb} {', '.join(report.removed) or 'nothing'}"]
    if report.left:
        told.append(f"  left there: {', '.join(report.left)}")
    return Output(report, told=told)


def _by_path(text: str) -> str:
    """A folder that `--dir` names, as `--overlay` understands it: a path has a slash."""
    return text if "/" in text else f"./{text}"


_WHICH = (
    OWN_OVERLAY,
    Option("--dir", "DIR", "its folder, as a path without a slash, too", "overlay", _by_path),
    BASES,
)


def _verb(
    verb: str,
    summary: str,
    example: str,
    *options: Option,
    operands: tuple[Operand, ...] = (),
    run: Callable[[Arguments], Output] | None = None,
    repeats: bool = False,
) -> Command:
    """A verb about one overlay."""
    return Command(
        run or partial(_change, verb),
        " ".join(filter(None, ("envc overlay", verb, example))),
        (*options, *_WHICH, OFFLINE),
        operands,
        conflicts=(("--overlay", "--dir"),),
        repeats=repeats,
        summary=summary,
    )


VERBS = {
    "init": _verb(
        "init",
        "create an overlay and build it",
        "plots --base user",
        Option("--base", "L", "the common layer to stand on"),
        Option(
            "--on",
            "PYTHON",
            "stand on the environment of this Python, or of this folder; or on folders that "
            "colons join, seen by python3",
        ),
        *FROM_OTHERS,
        operands=(
            Operand("NAME", "its name in your storage, or its folder (your own)", "name", "?"),
        ),
    ),
    "add": _verb(
        "add",
        "add requirements or projects of yours, lock and build",
        "'polars>=1' -e ~/src/mine",
        EDITABLE,
        operands=(Operand("REQUIREMENT", "what to add", "requirements", "*"),),
    ),
    "remove": _verb(
        "remove",
        "remove requirements or projects, lock and build",
        "polars",
        EDITABLE._replace(help="a project of yours, by its folder, as `add -e` names it"),
        operands=(Operand("PROJECT", "a project, or the folder of yours", "projects", "*"),),
    ),
    "sync": _verb(
        "sync",
        "lock and build what the spec says, on the present base",
        "--overlay plots",
        run=_sync,
        repeats=True,
    ),
    "upgrade": _verb(
        "upgrade",
        "let pins move to newer releases, lock and build",
        "polars",
        operands=(Operand("PROJECT", "whose pin may move (default: all)", "projects", "*"),),
    ),
    "adopt": _verb("adopt", "write into the spec what pip installed by hand", ""),
    "pack": _verb(
        "pack",
        "write the overlay as one file, to be staged by jobs",
        "--overlay plots",
        Option("-o, --output", "FILE", "the file (default: packed.envc in its folder)"),
        Option("--alone", "", "then remove its trees: one file stays"),
        run=_pack,
    ),
    "delete": Command(
        _delete,
        "envc overlay delete plots --spec",
        (
            Option("--spec", "", "its spec and its lock, too (default: they stay)"),
            Option("--yes", "", "do not ask"),
            Option("--dry-run", "", "say what would go; remove nothing"),
            OVERLAY,
            _WHICH[1],
            FINDS,
        ),
        (Operand("NAME", "its name in your storage, or its folder", "name", "?"),),
        conflicts=(("--overlay", "--dir"),),
        summary="remove what was built of an overlay, and with --spec all of it",
    ),
    "list": Command(
        _list,
        "envc overlay list --all",
        (
            Option("--all", "", "everybody's"),
            BASES._replace(help="where the common layers are (default: ENVC_TARGET)"),
        ),
        summary="list your overlays in the storage, and their state",
    ),
    "collect": Command(
        _collect,
        "envc overlay collect --prune",
        (Option("--prune", "", "remove those that are gone"),),
        summary="copy users' specs and locks into the site, for CI",
    ),
}
