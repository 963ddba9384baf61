"""What texts in specs look like: each form with its name for people, and an example."""

from typing import Annotated

from envc.formats.values import Form
from envc.model.names import INVENTORY_NAME_FORM, NAME_FORM

NAME = Form(
    f"^{NAME_FORM}$",
    "a name of lower-case letters, digits, - and _, a letter or digit first",
    "sci-2",
)
Python = Annotated[
    str,
    Form(
        r"^3\.(1[12]|(1[3-9]|[2-9][0-9])t?)$",
        'a Python from 3.11 on, as "3.12" or, free-threaded, "3.14t"',
        "3.12",
    ),
]
FullPython = Annotated[
    str,
    Form(
        r"^3\.(1[12]\.[0-9]+|(1[3-9]|[2-9][0-9])\.[0-9]+t?)$",
        "a release of Python from 3.11 on, three numbers",
        "3.12.4",
    ),
]
Path = Annotated[str, Form(r"^[\s\S]+$", "a path", "~/src/mine")]
OneLinePath = Annotated[str, Form(r"^[^\x00-\x1f]+$", "a path", "cores/cpython.tar.gz")]
AbsolutePath = Annotated[str, Form(r"^/[^\x00-\x1f]+$", "an absolute path", "/usr/bin/python3.12")]
FoundPath = Annotated[
    str,
    Form(r"[/~$][^\x00-\x1f\x7f]*", "a path that begins with /, ~ or $", "/opt/nv/bin/python"),
]
FoundFolder = Annotated[
    str,
    Form(
        r"[/~$][^\x00-\x1f\x7f:]*",
        "a path that begins with /, ~ or $, without a colon",
        "/opt/nv/lib",
    ),
]
InventoryName = Annotated[
    str,
    Form(INVENTORY_NAME_FORM, "the name of a .json file beside the spec", "base.nv.json"),
]
Sha256 = Annotated[
    str, Form(r"^[0-9a-f]{64}$", "a SHA-256: the 64 digits that sha256sum prints", "5d41402a…")
]
Url = Annotated[
    str,
    Form(
        r"^(https?|file)://[^\s]+$",
        "a URL that begins with https://, http:// or file://",
        "https://index.site.example/simple",
    ),
]
Platform = Annotated[
    str,
    Form(
        r"^(linux-(x86_64|aarch64|ppc64le|s390x)|macos-(arm64|x86_64)|windows-x86_64)$",
        "a platform: linux-x86_64, -aarch64, -ppc64le or -s390x, macos-arm64 or -x86_64, or "
        "windows-x86_64",
        "linux-x86_64",
    ),
]
Libc = Annotated[
    str,
    Form(
        r"^(glibc-2|musl-1|macos-\d+)\.\d+$",
        "a C library with its version: glibc-2.N, musl-1.N, or macos-N.N",
        "glibc-2.28",
    ),
]
Cpu = Annotated[
    str, Form(r"^[a-z0-9][a-z0-9_.-]*$", "a processor as archspec calls it", "x86_64_v3")
]
ProjectSource = Annotated[
    str,
    Form(
        r"^(project(\[[A-Za-z0-9._-]+( *, *[A-Za-z0-9._-]+)*\])?|group:[A-Za-z0-9._-]+)$",
        "a part of a pyproject.toml: project, project[EXTRA] or group:NAME",
        "group:dev",
    ),
]
VariableName = Annotated[
    str, Form(r"^[A-Za-z_][A-Za-z0-9_]*$", "a variable's name", "OMP_NUM_THREADS")
]
ModuleName = Annotated[str, Form(r"[^\s:]+", "a module's name", "gcc/13.2")]
Reason = Annotated[
    str, Form(r"^[\s\S]*\S[\s\S]*$", "a reason", "alice knows; until the release of May")
]
