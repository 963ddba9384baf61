"""The byte-compiler, run by a core's own interpreter: paths on stdin to bytecode files beside them.

Started as `interpreter -I -S -B -W ignore -c <this file>` in the folder that holds the trees, so
it imports nothing of envc. It first says which interpreter it is, then takes batches, each ended
by an empty line, and answers every line:

    in   <tree> TAB <path of a source in the tree> TAB <path of its bytecode> TAB <mtime>
    out  <sha256> SPACE <size>      written
         -                          the source does not compile, which is no error
         ~                          nor does this one: it is larger than what people write, or
                                    in an encoding of its own kind
         ?                          it took more memory than any source may
         !<errno>                   the disk refused

The same batch gives the same bytes whatever was compiled before. What a source compiles to depends
on which strings the process has interned by then, and since Python 3.12 they stay interned for
good. So each batch is compiled by a fork that begins, as all of them do, with an untouched process.
"""

import codecs
import contextlib
import hashlib
import importlib.util
import marshal
import os
import sys
from types import CodeType

# PEP 552: a hash-based pyc that is never checked against its source.
_HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")
# What is compiled is a matter of the source's bytes alone, never of the machine: equal wheels are
# equal trees. A token takes the compiler some 550 bytes; the parsers of large languages, which
# programs write, have a million of them in 9 MB. No module with classes may be imported for this:
# see above.
MOST_BYTES = 16 << 20
MOST_TOKENS = 2 << 20
# Of a byte: part of a word, blank, or a token of its own.
_WORD = bytes(code for code in range(256) if f"_{chr(code)}".isidentifier() or code >> 7)
_BLANK = b" \t\f\r\n"
_KINDS = bytes((b"w" if c in _WORD else b" " if c in _BLANK else b".")[0] for c in range(256))
_UTF_8 = b"\xef\xbb\xbf"
_COOKIE = frozenset(b"-_.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# As Python has them without looking them up, whatever follows; and what it looks up and is read in
# one go, character by character.
_PLAIN = ("utf-8", "latin-1", "iso-8859-1", "iso-latin-1")
_LINEAR: tuple[str, ...] = (
    "ascii",
    "utf-8",
    "iso8859",
    "cp",
    "koi8",
    "mac",
    "tis",
    "kz1048",
    "ptcp154",
    "hp",
)
_LINEAR += ("gb", "big5", "euc", "shift", "johab")

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def bytecode(source: bytes, path: str) -> bytes | None:
    """The content of the source's pyc, None when it does not compile. `path` goes into it."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except MemoryError:
        if _has_had_enough():
            raise
        return None  # the parser's own: it is nested too deeply
    except (SyntaxError, ValueError, OverflowError, RecursionError):
        return None
    return _HEADER + importlib.util.source_hash(source) + canonical(code)


def is_compiled(source: bytes) -> bool:
    """Whether a source is no larger than what people write, and in an encoding read in one go."""
    if len(source) > MOST_BYTES:
        return False
    if len(source) > MOST_TOKENS and tokens(source) > MOST_TOKENS:
        return False
    name = cookie(source).lower().replace("_", "-")
    if not name or name.startswith(_PLAIN):
        return True
    try:
        return codecs.lookup(name).name.startswith(_LINEAR)
    except (LookupError, ValueError):
        return True  # then it does not compile


def tokens(source: bytes) -> int:
    """About how many tokens a source has; the words of comments and texts count, too."""
    kinds = source.translate(_KINDS)
    words = kinds.count(b" w") + kinds.count(b".w") + kinds.startswith(b"w")
    return words + kinds.count(b".") + source.count(b"\n")


def cookie(source: bytes) -> str:
    """The encoding that a comment in the first two lines names (PEP 263); empty: none does."""
    if b"coding" not in source:
        return ""
    text = source.removeprefix(_UTF_8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for line in text.split(b"\n", 2)[:2]:
        before, _, comment = line.partition(b"#")
        if before.strip(b" \t\f"):
            continue
        for piece in comment.split(b"coding")[1:]:
            if piece[:1] in (b":", b"="):
                name = piece[1:].lstrip(b" \t")
                end = next((at for at, code in enumerate(name) if code not in _COOKIE), len(name))
                if end:
                    return name[:end].decode()
    return ""


def _has_had_enough() -> bool:
    """Whether this process has had half of what it may have: then it ran into that limit."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    with open("/proc/self/status", "rb") as file:
        peak = next(line for line in file if line.startswith(b"VmPeak:"))
    return most != resource.RLIM_INFINITY and int(peak.split()[1]) * 1024 > most // 2


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
        text = file.read(MOST_BYTES + 1)
    if not is_compiled(text):
        return b"~"
    content = bytecode(text, source.decode())
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
        except MemoryError:
            text = b"?"
        sys.stdout.buffer.write(text + b"\n")
        sys.stdout.buffer.flush()


def main() -> None:
    """Answer until stdin ends, or until a batch ends its process: then with that status."""
    tag = sys.implementation.cache_tag or sys.implementation.name
    tag += "t" * ("t" in sys.abiflags)  # the free-threaded build
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
