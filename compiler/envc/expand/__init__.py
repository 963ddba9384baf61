"""Checked documents to specs: targets completed, bases ordered, every requirement with its line.

Document[SiteDocument], Machine    ──expand_site──▶     SiteSpec
Document[OverlayDocument]          ──expand_overlay──▶  OverlaySpec

They are in `site` and `overlay`; nothing is imported here, so that `targets` comes without what
parses specs.
"""
