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
    assert facts_from_json(facts_to_json(FACTS), "facts.json") == FACTS


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


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"", "", "it is no JSON"),
        (b"\xff", "", "it is no JSON"),
        (b"[" * 100_000, "", "it is no JSON"),
        (b"[]", "format", "the number of its format is missing"),
        (b"{}", "format", "the number of its format is missing"),
        (changed(format="1"), "format", "the number of its format is missing"),
        (without("requires_python"), "requires_python", "this field is missing"),
        (changed(surprise=1), "surprise", "this field is unknown"),
        (changed(size_bytes="1"), "size_bytes", "this must be an integer"),
        (changed(size_bytes=True), "size_bytes", "this must be an integer"),
        (changed(digest="sha256:0"), "digest", "this must be a sha256 digest"),
        (changed(requires="numpy"), "requires", "this must be an array"),
        (changed(requires=[1]), "requires[0]", "this must be a text"),
        (changed(requires_python=3), "requires_python", "this must be a text"),
        (changed(console_scripts=[["a", "b"]]), "console_scripts[0]", "this must be an array of 3"),
        (changed(console_scripts={}), "console_scripts", "this must be an array"),
        (changed(modules=[]), "modules", "this must be an object"),
        (
            changed(modules={"a": "thing"}),
            "modules.a",
            "this must be one of package, module",
        ),
        (
            changed(modules={"a": {"b": 1}}),
            "modules.a.b",
            "this must be one of package, module",
        ),
    ],
)
def test_faults(content: bytes, where: str, what: str) -> None:
    with pytest.raises(SpecError) as caught:
        facts_from_json(content, "facts.json")
    place = f"facts.json ({where})" if where else "facts.json"
    mend = "ingest the wheel again"
    assert str(caught.value) == f"{place}: not a facts file: {what}\n  help: {mend}"


def test_facts_of_another_format() -> None:
    with pytest.raises(SpecError) as caught:
        facts_from_json(changed(format=2), "facts.json")
    assert str(caught.value) == (
        "facts.json: this facts file has format 2, and this envc reads format 1\n"
        "  help: use the envc that wrote it, or a newer one"
    )
