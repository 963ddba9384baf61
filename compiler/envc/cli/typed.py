"""Commands in what is said, as they have to be typed where the person is.

A mend names a command: whoever has said `--site DIR` is not in the site, and has to say it again.
"""

import re

from envc.errors import shell_word

_OF_A_SITE = re.compile(
    r"(?<![\w/.-])envc (audit|bundle|check|export|lock|materialize|rollout|tree|why)\b(?! --site)"
)


def typed_here(text: str, site: str) -> str:
    """A text in which commands that are about a site name the one that was named."""
    return _OF_A_SITE.sub(lambda found: f"envc --site {shell_word(site)} {found[1]}", text)
