"""The templates of pages: a frame that all share, and the script of each."""

from envc.formats.page import SCRIPT_PLACE


def page_template(name: str) -> str:
    """The template of the page of `envc NAME`, for `formats/page`."""
    from importlib import resources

    folder = resources.files("envc.cli") / "pages"
    frame = (folder / "frame.html").read_text(encoding="utf-8")
    script = (folder / f"{name}.js").read_text(encoding="utf-8")
    return frame.replace(SCRIPT_PLACE, script, 1)
