"""Random questions to resolvers: one or two small indexes, and what is asked of them.

A question follows from its seed. All that an index serves are pages and metadata files: nothing is
ever downloaded. What may make two resolvers part is there: prereleases, local and post versions,
extras, markers, yanked releases, releases with metadata that nobody can use, a Python that is too
old, projects that only the second index has, or both.

Where metadata are of another project or version, uv ends with an error: that is not asked.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")
VERSIONS = (
    *("1.0", "1.1", "1.1.post1", "1.2rc1", "2.0a1", "2.0"),
    *("2.0+local", "2.1", "3.0b1", "3.0.dev1", "3.0"),
)
SPECIFIERS = (
    *(
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        ">=1.0",
        ">=1.0",
        ">=1.1",
        "<3.1",
        "<3",
        "<2",
        ">=2",
        "<3",
        "==2.0",
        "!=2.1",
        "~=1.0",
        ">1.1",
        "<=2.0",
    ),
    *(">=2.0a1", "<3.0b1", "==1.*", "==1.1", ">=3", ">=3.0.dev1", "==2.0+local", ">1.0,<3"),
)
MARKERS = ("", "", "", "", "; sys_platform == 'win32'", "; python_version >= '3.8'")
PYTHONS = (None, None, None, None, ">=3.8", ">=3.8", ">=3.99")
EXTRA = "more"
BROKEN = (
    "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: bee>>1\n",
    "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: bee; who == 'me'\n",
)


@dataclass(frozen=True)
class Release:
    """One release of an index."""

    name: str
    version: str
    requires: tuple[str, ...]
    extra: tuple[str, ...]
    python: str | None
    yanked: bool
    broken: str

    def metadata(self) -> bytes:
        """Its METADATA."""
        if self.broken:
            return self.broken.format(name=self.name, version=self.version).encode()
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Python: {self.python}"] if self.python else []
        lines += [f"Requires-Dist: {text}" for text in self.requires]
        if self.extra:
            lines += [f"Provides-Extra: {EXTRA}"]
            lines += [f"Requires-Dist: {_by_extra(text)}" for text in self.extra]
        return "\n".join([*lines, ""]).encode()

    def file(self) -> dict[str, object]:
        """What a page says of its wheel."""
        name = f"{self.name}-{self.version}-py3-none-any.whl"
        digest = hashlib.sha256(self.metadata()).hexdigest()
        content = f"{name} {digest}".encode()  # other metadata are in another wheel
        return {
            "filename": name,
            "url": f"../../files/{name}",
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "core-metadata": {"sha256": digest},
            "yanked": "as drawn" if self.yanked else False,
            **({"requires-python": self.python} if self.python else {}),
        }


def _by_extra(text: str) -> str:
    requirement, _, marker = text.partition(";")
    both = f"({marker.strip()}) and extra == '{EXTRA}'" if marker else f"extra == '{EXTRA}'"
    return f"{requirement.strip()}; {both}"


@dataclass(frozen=True)
class Question:
    """Indexes, the first that has a project wins; and what is asked of them."""

    seed: int
    indexes: tuple[tuple[Release, ...], ...]
    requires: tuple[str, ...]
    constraints: tuple[str, ...]

    def told(self) -> str:
        """All of it, for a person."""
        lines = [f"seed {self.seed}: requires {list(self.requires)}"]
        lines += [f"constraints {list(self.constraints)}"] if self.constraints else []
        for place, releases in enumerate(self.indexes, 1):
            lines.append(f"index {place}")
            for each in releases:
                words = [*each.requires, *(f"[{EXTRA}] {text}" for text in each.extra)]
                words += [f"Python {each.python}"] * (each.python is not None)
                words += ["yanked"] * each.yanked + ["broken"] * bool(each.broken)
                lines.append(f"  {each.name} {each.version}: {', '.join(words)}")
        return "\n".join(lines)

    def without(self) -> Iterator[Self]:
        """Every question that is this one but for one thing."""
        for place in range(len(self.requires)):
            if len(self.requires) > 1:
                yield self._with(requires=_but(self.requires, place))
        for place in range(len(self.constraints)):
            yield self._with(constraints=_but(self.constraints, place))
        for number, releases in enumerate(self.indexes):
            for place, each in enumerate(releases):
                others = [_but(releases, place)]
                others += [
                    (*releases[:place], less, *releases[place + 1 :]) for less in _less(each)
                ]
                for other in others:
                    indexes = (*self.indexes[:number], other, *self.indexes[number + 1 :])
                    yield self._with(indexes=indexes)

    def _with(self, **changes: object) -> Self:
        return type(self)(**{**self.__dict__, **changes})


def _but(items: tuple, place: int) -> tuple:
    return (*items[:place], *items[place + 1 :])


def _less(release: Release) -> Iterator[Release]:
    for place in range(len(release.requires)):
        yield Release(**{**release.__dict__, "requires": _but(release.requires, place)})
    for place in range(len(release.extra)):
        yield Release(**{**release.__dict__, "extra": _but(release.extra, place)})
    for key, plain in (("python", None), ("yanked", False), ("broken", "")):
        if getattr(release, key) != plain:
            yield Release(**{**release.__dict__, key: plain})


def question(seed: int) -> Question:
    """The question of a seed."""
    draw = random.Random(seed)
    names = NAMES[: draw.randint(2, len(NAMES))]

    def requirement() -> str:
        extra = f"[{EXTRA}]" if draw.random() < 0.12 else ""
        return f"{draw.choice(names)}{extra}{draw.choice(SPECIFIERS)}{draw.choice(MARKERS)}"

    def releases(name: str) -> Iterator[Release]:
        for version in sorted(draw.sample(VERSIONS, draw.randint(2, 6)), key=VERSIONS.index):
            yield Release(
                name,
                version,
                requires=tuple(requirement() for _ in range(draw.choice((0, 0, 1, 1, 2)))),
                extra=tuple(requirement() for _ in range(draw.choice((0, 0, 0, 1)))),
                python=draw.choice(PYTHONS),
                yanked=draw.random() < 0.08,
                broken=draw.choice(BROKEN) if draw.random() < 0.05 else "",
            )

    indexes: list[list[Release]] = [[], []] if draw.random() < 0.25 else [[]]
    for name in names:
        for index in draw.choice((indexes[:1], indexes[-1:], indexes)):
            index.extend(releases(name))
    return Question(
        seed,
        tuple(map(tuple, indexes)),
        requires=tuple(dict.fromkeys(requirement() for _ in range(draw.randint(1, 3)))),
        constraints=tuple(
            f"{draw.choice(names)}{draw.choice(SPECIFIERS[7:])}"
            for _ in range(draw.choice((0, 0, 0, 0, 1)))
        ),
    )


class RandomIndexes:
    """The indexes of questions on the loopback; each question has URLs of its own."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[str, bytes]] = {}
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # one packet an answer: a second one would wait for the first

            def do_GET(self) -> None:
                kind, content = answers.get(self.path, ("", b""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, asked: Question, label: str = "") -> list[str]:
        """The URLs of a question's indexes, the first first; those before are gone."""
        self._answers.clear()
        urls: list[str] = []
        for place, releases in enumerate(asked.indexes):
            folder = f"/{asked.seed}{label}/{place}"
            by_name: dict[str, list[Mapping[str, object]]] = {}
            for each in releases:
                file = each.file()
                by_name.setdefault(each.name, []).append(file)
                path = f"{folder}/files/{file['filename']}.metadata"
                self._answers[path] = ("text/plain", each.metadata())
            for name, files in by_name.items():
                page = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
                self._answers[f"{folder}/simple/{name}/"] = (JSON_TYPE, json.dumps(page).encode())
            urls.append(f"http://127.0.0.1:{self._server.server_port}{folder}/simple")
        return urls
