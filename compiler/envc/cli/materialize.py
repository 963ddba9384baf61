"""`envc materialize`."""

from envc.cli.grammar import Arguments, Command, Option
from envc.cli.options import OFFLINE, TARGET, TRUST, supplied_by, target_of, trusted_keys
from envc.cli.output import Output, counted


def _run(arguments: Arguments) -> Output:
    from envc.cli.context import context_of
    from envc.commands.materialize import MaterializeOptions, materialize, materialize_report

    options = MaterializeOptions(
        target=target_of(arguments),
        layers=tuple(arguments.layer),
        source=arguments.supply,
        link_mode=arguments.link_mode,
        keys=trusted_keys(arguments),
        named=arguments.target is not None,
    )
    done = materialize(arguments.site, options, context_of(arguments))
    state = "unchanged: on"
    if done.changed:
        state = "switched to" if done.switched else "still on"
    told = [f"{done.target}: {state} generation {done.generation.generation}"]
    if done.policy:
        told.append("  what the site says about overlays holds now")
    for word, names in (("restored", done.restored), ("removed", done.removed)):
        if names:
            told.append(f"  {word} {', '.join(names)}")
    for name, layer in done.generation.layers.items():
        wheels = counted(layer.distributions, "distribution")
        told.append(f"  {name}: {wheels}, {layer.files} files ({layer.copied} copied)")
    return Output(materialize_report(done) if arguments.json else None, told=told)


COMMAND = Command(
    _run,
    repeats=True,
    example="envc materialize --target /usr/local/Canopy",
    options=(
        TARGET,
        Option("--layer", "L", "build this layer, keep the others", repeated=True),
        supplied_by("SOURCE", "a bundle, or a folder of wheels to take first"),
        OFFLINE,
        Option(
            "--link-mode",
            "MODE",
            "how files come from the store; auto: hard links where they work, else copies",
            choices=("auto", "hardlink", "copy"),
            default="auto",
        ),
        TRUST,
    ),
)
