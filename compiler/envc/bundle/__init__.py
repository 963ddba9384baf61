"""Bundles: one file that carries named streams of bytes, each verified by its digest.

A bundle is a ZIP archive. Its members are `NAME.zst`, a Zstandard frame each that ZIP itself does
not compress again, then the index, `bundle.json`, and the signatures of that, if it has any
(docs/decisions/0014-bundles.md). `zipinfo` lists it,
`unzip -p FILE NAME.zst | zstd -d` shows an entry.

    {name: chunks} ──BundleWriter──▶ FILE ──Bundle──▶ chunks of a name, verified
    BundleFile ──SiteBundle──▶ parcel, core, trees of a site
"""

from envc.bundle.reader import Bundle
from envc.bundle.site import SiteBundle
from envc.bundle.writer import BundleWriter

__all__ = ["Bundle", "BundleWriter", "SiteBundle"]
