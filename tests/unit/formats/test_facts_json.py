import json

import pytest
from packaging.utils import NormalizedName

from envc.errors import SpecError
from envc.formats.facts import facts_from_json, facts_to_json
from envc.model.digest import digest_of
from envc.model.wheel import ConsoleScript, WheelFacts

FACTS = WheelFacts(
    filename="demo-1.0-py3-none-any.whl",
    digest=digest_of(b""),
    size_bytes=123,
    project=NormalizedName("demo"),
    version="1.0",
    dist_info="demo-1.0.dist-info",
    requires=("numpy>=1", "näme; extra == 'x'"),
    requires_python=None,
    extras=(NormalizedName("x"),),
    modules={"demo": "package", "space": {"inner": {}, "one": "module"}},
    console_scripts=(ConsoleScript("demo", "demo.cli", "main"),),
    scripts=("bin/tool",),
    start_files=("lib/python3.11/site-packages/demo.pth",),
    data_files=("share/demo/x",),
)


def test_round_trip() -> None:
    assert facts_from_json(facts_to_json(FACTS)) == FACTS


def test_text_has_sorted_keys_and_one_line() -> None:
    text = facts_to_json(FACTS).decode()
    assert text.startswith('{"console_scripts":[["demo","demo.cli","main"]],"data_files":')
    assert text.endswith('"version":"1.0"}\n')
    assert list(json.loads(text)) == sorted(json.loads(text))


def changed(**values: object) -> bytes:
    return json.dumps(json.loads(facts_to_json(FACTS)) | values).encode()


def without(key: str) -> bytes:
    value = json.loads(facts_to_json(FACTS))
    del value[key]
    return json.dumps(value).encode()


AGAIN = "\n  mend: ingest the wheel again"
NEWER = """\
format: these facts of a wheel have format 2; this envc reads format 1
  mend: use the envc that wrote them, or ingest the wheel again"""
WRONG = f"this field has a wrong type{AGAIN}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"these facts of a wheel are not JSON{AGAIN}"),
        (b"\xff", f"these facts of a wheel are not JSON{AGAIN}"),
        (b"[" * 100_000, f"these facts of a wheel are not JSON{AGAIN}"),
        (b"[]", f"these facts of a wheel are not a JSON object{AGAIN}"),
        (b"{}", f"format: this field is missing{AGAIN}"),
        (
            changed(format=2),
            NEWER,
        ),
        (without("requires_python"), f"requires_python: this field is missing{AGAIN}"),
        (changed(surprise=1), f"surprise: this field is unknown{AGAIN}"),
        (changed(size_bytes="1"), f"size_bytes: {WRONG}"),
        (changed(size_bytes=True), f"size_bytes: {WRONG}"),
        (changed(digest="sha256:0"), f"digest: {WRONG}"),
        (changed(requires="numpy"), f"requires: {WRONG}"),
        (changed(requires=[1]), f"requires: {WRONG}"),
        (changed(requires_python=3), f"requires_python: {WRONG}"),
        (changed(console_scripts=[["a", "b"]]), f"console_scripts: {WRONG}"),
        (changed(console_scripts={}), f"console_scripts: {WRONG}"),
        (changed(modules=[]), f"modules: {WRONG}"),
        (changed(modules={"a": "thing"}), f"modules: {WRONG}"),
        (changed(modules={"a": {"b": 1}}), f"modules: {WRONG}"),
    ],
)
def test_faults(content: bytes, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        facts_from_json(content)
    assert str(caught.value) == message
