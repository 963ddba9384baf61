"""Checked documents to specs: targets completed, bases ordered, every requirement with its line.

Document[SiteDocument], Machine    ──expand_site──▶     SiteSpec
Document[OverlayDocument]          ──expand_overlay──▶  OverlaySpec
"""

from envc.expand.overlay import expand_overlay
from envc.expand.site import expand_site

__all__ = ["expand_overlay", "expand_site"]
