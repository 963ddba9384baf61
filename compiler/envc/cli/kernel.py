"""`envc kernel VERB`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envc.cli.grammar import Arguments, Command, Operand, Option
from envc.cli.output import Output, lines
from envc.cli.run import ONE_STACK, STACK

if TYPE_CHECKING:
    from envc.reports.kernel import KernelEntry


def _install(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.kernel import KernelOptions, install_kernel
    from envc.overlays.places import overlay_folder

    overlay = arguments.overlay
    if overlay is not None:
        overlay = overlay_folder(overlay, arguments.target)
    options = KernelOptions(
        arguments.layer,
        overlay,
        arguments.target,
        arguments.overlay,
        arguments.name,
        arguments.display_name,
    )
    report = install_kernel(options, context_of(arguments))
    state = "registered as" if report.changed else "is registered already, as"
    kernel = report.kernel
    told = [f"{kernel.tree}: {state} {kernel.name}, which Jupyter shows as {kernel.display_name!r}"]
    return Output(report, told=told)


def _remove(arguments: Arguments) -> Output:
    from envc.commands.kernel import forget_kernel

    report = forget_kernel(arguments.name)
    return Output(report, told=[f"removed {report.kernel.folder}"])


def _list(_: Arguments) -> Output:
    from envc.commands.kernel import list_kernels

    report = list_kernels()
    none = [] if report.kernels else [f"no kernels of envc's in {report.folder}"]
    return Output(report, printed=lines(_told(report.kernels)), told=none)


def _told(kernels: "tuple[KernelEntry, ...]") -> Iterator[str]:
    for kernel in kernels:
        yield f"{kernel.name}  {kernel.display_name}  {kernel.tree}  {kernel.state}"
        if kernel.why:
            yield f"    {kernel.why}"


VERBS = {
    "install": Command(
        _install,
        "envc kernel install --overlay plots --display-name 'Plots'",
        (
            *STACK,
            Option("--name", "NAME", "the kernel's name (default: that of overlay or layer)"),
            Option("--display-name", "TEXT", "what Jupyter shows (default: NAME (envc))"),
        ),
        conflicts=ONE_STACK,
        summary="let Jupyter offer a stack as a kernel, which follows every upgrade of it",
    ),
    "list": Command(
        _list,
        "envc kernel list",
        summary="list the kernels that envc registered for you, and whether they can start",
    ),
    "remove": Command(
        _remove,
        "envc kernel remove plots",
        operands=(Operand("NAME", "a kernel, by its name", "name"),),
        summary="take a kernel from Jupyter; the stack stays",
    ),
}
