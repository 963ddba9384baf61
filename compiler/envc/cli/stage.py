"""`envc stage`."""

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.options import FINDS, OWN_OVERLAY
from envc.cli.output import Output, counted, table


def _run(arguments: Arguments) -> Output:
    if arguments.list or arguments.clean:
        return _care(arguments)
    from envc.cli.context import context_of
    from envc.overlays.places import overlay_folder, refuse_strangers_overlay
    from envc.overlays.stage import stage

    word = arguments.overlay or arguments.named
    source = overlay_folder(word, arguments.target, packed=True)
    refuse_strangers_overlay(source, word)
    report = stage(source, arguments.to, context_of(arguments))
    state = f"{counted(report.files, 'file')} unpacked" if report.changed else "staged already"
    return Output(report, printed=[f"{report.path}\n"], told=[f"{report.name}: {state}"])


def _care(arguments: Arguments) -> Output:
    from envc.overlays.stage_care import clean_stage, staged_copies

    if arguments.clean:
        report = clean_stage(arguments.to)
        copies = "1 copy" if len(report.removed) == 1 else f"{len(report.removed)} copies"
        return Output(report, told=[f"{report.stage}: removed {copies}"])
    report = staged_copies(arguments.to)
    rows = [
        (
            copy.path,
            copy.staged,
            f"{copy.size_bytes / 1e6:.1f} MB",
            copy.kept or "goes with the next",
        )
        for copy in report.copies
    ]
    return Output(report, printed=table(rows) if rows else ())


COMMAND = Command(
    _run,
    example="envc stage /shared/canopy/alice/plots --to $SLURM_TMPDIR",
    operands=(
        Operand("OVERLAY", "an overlay, as --overlay names it, or a packed file", "named", "?"),
    ),
    options=(
        OWN_OVERLAY,
        Option(
            "--to",
            "DIR",
            "a folder on a local disk (default: ENVC_STAGE, else envc-<uid> on the scratch disk)",
        ),
        Option("--list", "", "list the copies that are staged there, and why each stays"),
        Option("--clean", "", "remove those that no process runs from, but for the last hour's"),
        FINDS,
    ),
    conflicts=(
        ("--list", "--clean"),
        ("--list", "--overlay"),
        ("--clean", "--overlay"),
    ),
)
