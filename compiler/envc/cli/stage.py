"""`envc stage`."""

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.options import FINDS, OWN_OVERLAY
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.overlays.places import overlay_folder, refuse_strangers_overlay
    from envc.overlays.stage import stage

    word = arguments.overlay or arguments.named
    source = overlay_folder(word, arguments.target, packed=True)
    refuse_strangers_overlay(source, word)
    report = stage(source, arguments.to, context_of(arguments))
    state = f"{counted(report.files, 'file')} unpacked" if report.changed else "staged already"
    return Output(report, printed=[f"{report.path}\n"], told=[f"{report.name}: {state}"])


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
        FINDS,
    ),
)
