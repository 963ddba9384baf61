import json
import re

import pytest

from envc.index.filenames import version_of
from envc.index.listing import offer_of
from envc.index.simple import listing_of_page

JSON = "application/vnd.pypi.simple.v1+json"
BASE = "https://ann:pw@host/simple/six/"


def page(*files, **meta):
    return json.dumps({"meta": {"api-version": "1.0"} | meta, "files": list(files)}).encode()


def distributions(content, content_type=JSON):
    listing = listing_of_page(content, "six", content_type=content_type, base_url=BASE)
    offer = offer_of(listing, "six", index="https://host/simple")
    return [d for release in offer.releases for d in release.distributions]


def one(**file):
    (found,) = distributions(
        page({"filename": "six-1-py3-none-any.whl", "url": "six-1-py3-none-any.whl"} | file)
    )
    return found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("a%20b/six.whl", "https://host/simple/six/a%20b/six.whl"),
        ("/files/six.whl#sha256=00", "https://host/files/six.whl"),
        ("https://bob:pw@files/six.whl?x=1", "https://files/six.whl?x=1"),
        ("//files/six.whl", "https://files/six.whl"),
    ],
)
def test_urls_are_absolute_and_without_credentials(url, expected):
    assert one(url=url).url == expected


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/six.whl", "//[bad", 7])
def test_files_elsewhere_than_on_the_web_are_left_out(url):
    file = {"filename": "six-1-py3-none-any.whl", "url": url}
    assert distributions(page(file)) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sha256": "A" * 64}, "sha256:" + "a" * 64),
        (True, True),
        ({"md5": "0"}, True),
        ({}, True),
        (False, False),
        ("yes", False),
    ],
)
def test_announced_metadata(given, expected):
    assert one(**{"core-metadata": given}).metadata == expected
    assert one(**{"dist-info-metadata": given}).metadata == expected
    assert one(**{"dist-info-metadata": given, "core-metadata": False}).metadata is False


def test_yanked_with_and_without_a_reason():
    assert one(yanked=False).yanked is None
    assert one(yanked=True).yanked == ""
    assert one(yanked="why").yanked == "why"


def test_values_of_wrong_types_count_as_absent():
    found = one(
        **{"hashes": [], "size": "1", "requires-python": 3, "upload-time": "noon", "yanked": 1}
    )
    assert found.digest is found.size_bytes is found.requires_python is None
    assert found.upload_time is found.yanked is None


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"{", JSON, "the page is not JSON"),
        (b"[" * 100_000, JSON, "the page is not JSON"),
        (b"[]", JSON, "the page is not JSON of the simple API"),
        (b'{"meta": {"api-version": "1.0"}}', JSON, "the page is not JSON of the simple API"),
        (
            page(**{"api-version": "2.1"}),
            JSON,
            "the page is of version 2.1 of the simple API; envc knows 1.x",
        ),
        (b"", "image/png", "the content type 'image/png' is not one of the simple API"),
    ],
)
def test_pages_that_are_none(content, content_type, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        listing_of_page(content, "six", content_type=content_type, base_url=BASE)


def test_a_page_without_usable_files_still_has_the_project():
    file = {"filename": "six-1.egg", "url": "six-1.egg"}
    listing = listing_of_page(page(file), "six", content_type=JSON, base_url=BASE)
    assert (listing.found, listing.versions) == (True, ())
    empty = listing_of_page(page(), "six", content_type=JSON, base_url=BASE)
    assert (empty.found, empty.versions) == (True, ())


def test_html_as_people_write_it():
    content = """
        <a href="SIX-1.0-py3-none-any.whl#md5=1&amp;sha256=%s" data-requires-python="&gt;=3.8"
           data-core-metadata="true">anything</a>
        <a href="six-0.9%%2Blocal-py3-none-any.whl" data-yanked>six</a>
        <a href="../other/other-1.0-py3-none-any.whl">other</a><a>no link</a>
        <a href="six-0.8.zip" data-dist-info-metadata="false">six-0.8.zip</a>
    """ % ("b" * 64)
    found = distributions(content.encode(), "text/html")
    assert [(str(d.version), d.filename, d.yanked, d.metadata) for d in found] == [
        ("1.0", "SIX-1.0-py3-none-any.whl", None, True),
        ("0.9+local", "six-0.9+local-py3-none-any.whl", "", False),
        ("0.8", "six-0.8.zip", None, False),
    ]
    assert found[0].digest == "sha256:" + "b" * 64
    assert found[0].requires_python == ">=3.8"
    assert found[1].url == "https://host/simple/six/six-0.9%2Blocal-py3-none-any.whl"


@pytest.mark.parametrize(
    "odd",
    [
        '<a href="http://[::1">home</a>',
        '<a href="https://[HOST]/six-1.0-py3-none-any.whl">template</a>',
        '<a href="//[x/six-1.0.zip">netloc</a>',
        '<a href="https://ex\u2100mple/six-1.0.zip">a host that is none</a>',
        '<base href="http://[x">',
        "<a href>nothing</a><a",
        '<![if x]><!-- --!><a b="\x00',
    ],
)
def test_what_is_no_link_leaves_the_page_as_it_is(odd):
    content = f'{odd}<p x="">\n<a href="six-2.0-py3-none-any.whl">good</a>'
    found = distributions(content.encode(), "text/html")
    assert [file.url for file in found] == ["https://host/simple/six/six-2.0-py3-none-any.whl"]


def test_links_of_html_are_joined_to_its_base():
    content = b"""<BASE href='../../files/'><base href="/not/this/">
        <A HREF=' six-1.0-py3-none-any.whl ' HREF="other.whl">six</A>"""
    (found,) = distributions(content, "text/html; charset=no-such-encoding")
    assert found.url == "https://host/files/six-1.0-py3-none-any.whl"


def test_html_in_another_encoding():
    content = '<a data-yanked="zurück" href="six-1.0.zip">six</a>'.encode("latin-1")
    assert distributions(content, "text/html; charset=iso-8859-1")[0].yanked == "zurück"
    assert distributions(content, "text/html")[0].yanked == "zur\ufffdck"


@pytest.mark.parametrize(
    ("filename", "project", "version"),
    [
        ("zope.interface-7.0-cp311-cp311-linux_x86_64.whl", "zope-interface", "7.0"),
        ("six-1.0-2b-py3-none-any.whl", "six", "1.0"),
        ("zope-interface-7.0.tar.gz", "zope-interface", "7.0"),
        ("six-1.0-beta.zip", "six", "1.0b0"),
        ("six-1.0-b2-py3-none-any.whl", "six", None),
        ("six-1.0-py3-none.whl", "six", None),
        ("six-1.0-py3--any.whl", "six", None),
        ("six-one-py3-none-any.whl", "six", None),
        ("other-1.0-py3-none-any.whl", "six", None),
        ("si__x-1.0-py3-none-any.whl", "si-x", None),
        ("six-1.0-py3-none-../../any.whl", "six", None),
        ("six-1.0-py3-none-any\n.whl", "six", None),
        ("six-1.0.tar.bz2", "six", None),
        ("six.tar.gz", "six", None),
        ("six-1.0.exe", "six", None),
    ],
)
def test_versions_of_file_names(filename, project, version):
    found = version_of(filename, project)
    assert (found and str(found)) == version


WHEEL = "six-1-py3-none-any.whl"
ODD_SERVERS = [
    "https://h/\ud800/",
    "https://\ud800/",
    f"https://{'a' * 300}/",
    f"https://{'a' * 70}.example/",
    "https://a..b/",
    "https://h:99999/",
    "https://h:0/",
    "https://h:x/",
    "https://[::1/",
    "https:///",
    "https://?x/",
]


@pytest.mark.parametrize("server", ODD_SERVERS)
def test_a_link_that_nobody_can_follow_is_left_out(server):
    files = [{"filename": WHEEL, "url": f"{each}{WHEEL}"} for each in (server, "https://h/")]
    assert [each.url for each in distributions(page(*files))] == [f"https://h/{WHEEL}"]


@pytest.mark.parametrize("key", ["filename", "requires-python", "yanked", "upload-time"])
def test_a_file_of_which_half_a_character_is_told_is_left_out(key):
    assert distributions(page({"filename": WHEEL, "url": WHEEL, key: "\ud800"})) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"x": json.loads("[" * 900 + "]" * 900)},
        {"hashes": json.loads('{"sha256":' * 900 + "1" + "}" * 900)},
        {"requires-python": "\n>=3.8 "},
        {"yanked": "\u00fc \\ ? # @"},
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_what_is_odd_about_a_file_is_seen_or_left_when_it_is_looked_at(odd, indent):
    files = [{"filename": WHEEL, "url": f"https://h/{WHEEL}"} | each for each in ({}, odd)]
    content = json.dumps({"meta": {"api-version": "1.0"}, "files": files}, indent=indent).encode()
    plain, other = distributions(content)
    assert plain == one(url=f"https://h/{WHEEL}")
    assert (other.url, other.digest) == (f"https://h/{WHEEL}", None)
    assert other.requires_python == (">=3.8" if "requires-python" in odd else None)
    assert other.yanked == odd.get("yanked")


@pytest.mark.parametrize("secret", ["https://h/?token=S3cret", "https://S3cret@h/", "S3cret#@?"])
def test_what_a_file_is_not_asked_about_is_kept_nowhere_where_it_may_be_a_secret(secret):
    files = [{"filename": WHEEL, "url": f"https://h/{WHEEL}"}, {"provenance": secret}]
    content = page(files[0], files[0] | files[1])
    listing = listing_of_page(content, "six", content_type=JSON, base_url=BASE)
    assert b"S3cret" in content
    assert b"S3cret" not in listing.files(0)


def test_a_page_may_link_many_servers():
    urls = [f"https://h{number}.example/{WHEEL}" for number in range(50)]
    found = distributions(page(*({"filename": WHEEL, "url": url} for url in urls)))
    assert [each.url for each in found] == urls
