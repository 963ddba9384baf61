"""A project's page as HTML: the bytes → its links and what it says of itself. No I/O."""

import re
from html.parser import HTMLParser

_SERIAL = re.compile(r"\s*SERIAL ([0-9]{1,18})\s*")


class HtmlPage(HTMLParser):
    """`version` is that of the simple API (PEP 629), `base` what relative links are joined to.

    `serial` is the index's count of its changes, which some write into a comment; 0: not told.
    `links` have all attributes of each link; one without a value has an empty one, and of two of
    one name the first counts, as the HTML standard has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version: str | None = None
        self.base: str | None = None
        self.serial = 0
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of a tag."""
        given = {name: text or "" for name, text in reversed(attrs)}
        if tag == "a" and "href" in given:
            self.links.append(given)
        elif tag == "base" and self.base is None:
            self.base = given.get("href")
        elif tag == "meta" and given.get("name") == "pypi:repository-version":
            self.version = given.get("content")

    def handle_comment(self, data: str) -> None:
        """Note the serial."""
        if found := _SERIAL.fullmatch(data):
            self.serial = int(found[1])


def html_page(content: bytes, charset: str | None) -> HtmlPage:
    """The page, in the encoding that its server told; what that cannot read is replaced."""
    page = HtmlPage()
    try:
        page.feed(content.decode(charset or "utf-8", errors="replace"))
    except LookupError:  # no such encoding
        page.feed(content.decode(errors="replace"))
    page.close()
    return page
