"""What `envc run --json` prints."""

from envc.model.value import value


@value
class RunReport:
    """What `envc run --json` prints before it becomes the command."""

    tree: str
    command: tuple[str, ...]
