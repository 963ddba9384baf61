"""How much a wheel may be: far above what real wheels need, far below what hurts a node."""

ENTRIES = 250_000
TOTAL_BYTES = 32 * 2**30
FILE_BYTES = 16 * 2**30

# Unpacked to packed size. Deflate reaches 1,030; text reaches 20. Small wheels are exempt: a few
# highly repetitive files harm nobody.
RATIO = 100
RATIO_EXEMPT_BYTES = 64 * 2**20

DEPTH = 64
PATH_BYTES = 1024
# A file's name leaves room for the ending that its bytecode adds (255 is what disks take).
NAME_BYTES = 220

# Members that are read whole: metadata, RECORD, entry points.
TEXT_BYTES = 64 * 2**20

# What a check looks into of a wheel, which is more than any real one has: members, the bytes of
# their directory, of a text, of the entry points, of all `__init__` that may join a namespace.
LOOK_ENTRIES = 50_000
LOOK_DIRECTORY_BYTES = 8 * 2**20
LOOK_TEXT_BYTES = 2**24
LOOK_COMMANDS_BYTES = 2**18
LOOK_PACKAGES_BYTES = 2**26

# Of a script that names its own interpreter: older kernels cut off the rest and start what is left.
FIRST_LINE_BYTES = 127

# Larger wheels are read from a copy on the disk, not from memory; as many at a time as are cores.
MEMORY_BYTES = 64 * 2**20

# How many faults of one wheel an error lists.
FAULTS = 10

# The unit of reading, inflating and writing.
CHUNK_BYTES = 2**20

# Sources that one compiler process gets at a time: its answers, 80 bytes each, must fit into a
# pipe (64 KiB), and the last batches must spread over all cores. The bytes of bytecode depend on
# it: to change it is to raise `identity.LAYOUT_VERSION`.
BYTECODE_BATCH = 256
