"""Zstandard: of the standard library from Python 3.14 on, before that its backport."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile

__all__ = ["ZstdCompressor", "ZstdDecompressor", "ZstdError", "ZstdFile"]
