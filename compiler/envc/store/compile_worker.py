"""The byte-compiler, run by a core's own interpreter: paths on stdin to bytecode files beside them.

Started as `interpreter -I -S -B -W ignore -c <this file>` in the folder that holds the trees, so
it imports nothing of envc. It first says which interpreter it is, then takes batches, each ended
by an empty line, and answers every line:

    in   <tree> TAB <path of a source in the tree> TAB <path of its bytecode> TAB <mtime>
    out  <sha256> SPACE <size>      written
         -                          the source does not compile, which is no error
         !<errno>                   the disk refused

The same batch gives the same bytes whatever was compiled before. What a source compiles to depends
on which strings the process has interned by then, and since Python 3.12 they stay interned for
good. So each batch is compiled by a fork that begins, as all of them do, with an untouched process.
"""

import contextlib
import hashlib
import importlib.util
import marshal
import os
import sys
from types import CodeType

# PEP 552: a hash-based pyc that is never checked against its source.
_HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def bytecode(source: bytes, path: str) -> bytes | None:
    """The content of the source's pyc, None when it does not compile. `path` goes into it."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None
    return _HEADER + importlib.util.source_hash(source) + canonical(code)


def canonical(code: CodeType) -> bytes:
    """The code marshalled, whoever else holds parts of it.

    `marshal` marks an object as shared when anything else holds it at that moment, the compiler's
    leftovers included. Rebuilt from its bytes, the code shares only what it shares within itself.
    (Interned strings are always marked.)
    """
    return marshal.dumps(marshal.loads(marshal.dumps(code)))  # noqa: S302 - made a moment ago


def compile_file(tree: bytes, source: bytes, target: bytes, mtime: int) -> bytes:
    """Compile one file, write its bytecode, and return the answer's line."""
    with open(tree + b"/" + source, "rb") as file:
        content = bytecode(file.read(), source.decode())
    if content is None:
        return b"-"
    path = tree + b"/" + target
    try:
        descriptor = os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        # Another worker may compile in the same folder.
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path), 0o700)
        descriptor = os.open(path, _FLAGS, 0o600)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:] if written else content)
        os.fchmod(descriptor, 0o444)
        os.utime(descriptor, (mtime, mtime))
    finally:
        os.close(descriptor)
    return b"%s %d" % (hashlib.sha256(content).hexdigest().encode(), len(content))


def answer(batch: list[bytes]) -> None:
    """Compile the files of these lines and write an answer for each to stdout."""
    for line in batch:
        tree, source, target, mtime = line.split(b"\t")
        try:
            text = compile_file(tree, source, target, int(mtime))
        except OSError as error:
            text = b"!%d" % (error.errno or 0)
        sys.stdout.buffer.write(text + b"\n")
        sys.stdout.buffer.flush()


def main() -> None:
    """Answer until stdin ends, or until a batch ends its process: then with that status."""
    tag = sys.implementation.cache_tag or sys.implementation.name
    sys.stdout.buffer.write(tag.encode() + b"\n")
    sys.stdout.buffer.flush()
    batch: list[bytes] = []
    for line in sys.stdin.buffer:
        if line != b"\n":
            batch.append(line.rstrip(b"\n"))
            continue
        child = os.fork()
        if child == 0:
            status = 1
            try:
                answer(batch)
                status = 0
            finally:
                # Not by an exception: it would unwind into the parent's loop.
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            sys.exit(status if status > 0 else 128 - status)
        batch.clear()


if __name__ == "__main__":
    main()
