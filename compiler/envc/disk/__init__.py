"""What every adapter needs of a file system: durable writes, one atomic switch, locks.

`durable` (files and renames that survive a power cut), `locks` (flock with a named holder), `table`
(a cache of many small values in one file), `untar` (archives of sources).
"""
