"""A project's page as HTML: the bytes → its links and what it says of itself. No I/O.

The library's parser takes a minute for 80 KB of tags that do not end. Here every character is
looked at once: what has no end reaches to the end of the page.
"""

import re
from html import unescape
from itertools import islice

from envc.model.value import value

_TOKEN = re.compile(
    r"<!--(?:-?>|(?P<comment>.*?)(?:--!?>|\Z))"
    r"|<(?P<raw>script|style)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<tag>[a-z][^\s/>]*+)"
    r"(?P<rest>(?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))|=)*+)",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"([^\s/>=\"'][^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s>]*+)))?+"
)
_MOST_TOKENS, _MOST_ATTRIBUTES = 1_000_000, 100
_SERIAL = re.compile(r"\s*SERIAL ([0-9]{1,18})\s*")


@value
class HtmlPage:
    """`version` is that of the simple API (PEP 629), `base` what relative links are joined to.

    `serial` is the index's count of its changes, which some write into a comment; 0: not told.
    `links` have all attributes of each link; one without a value has an empty one, and of two of
    one name the first counts, as the HTML standard has it.
    """

    version: str | None
    base: str | None
    serial: int
    links: tuple[dict[str, str], ...]


def html_page(content: bytes, charset: str | None) -> HtmlPage:
    """The page, in the encoding that its server told; what that cannot read is replaced.

    Raises:
        ValueError: it is larger than any page, or the encoding cannot be used so.
    """
    try:
        text = content.decode(charset or "utf-8", errors="replace")
    except LookupError:  # no such encoding
        text = content.decode(errors="replace")
    version, base, serial, links = None, None, 0, []
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number == _MOST_TOKENS:
            raise ValueError(f"it has more than {_MOST_TOKENS} tags")
        if found := _SERIAL.fullmatch(token["comment"] or ""):
            serial = int(found[1])
        match (token["tag"] or "").lower():
            case "a":
                given = _attributes(token["rest"])
                links += [given] if "href" in given else []
            case "base" if base is None:
                base = _attributes(token["rest"]).get("href")
            case "meta":
                given = _attributes(token["rest"])
                if given.get("name") == "pypi:repository-version":
                    version = given.get("content")
    return HtmlPage(version, base, serial, tuple(links))


def _attributes(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for found in islice(_ATTRIBUTE.finditer(text), _MOST_ATTRIBUTES):
        name, one, two, bare = found.groups(default="")
        given.setdefault(name.lower(), unescape(one or two or bare))
    return given
