"""What `envc completion --json` prints."""

from envc.model.value import value


@value(kw_only=True)
class CompletionReport:
    """What a shell reads to complete envc's commands and options."""

    shell: str
    script: str
