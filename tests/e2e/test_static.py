"""Static files: what is served, under which name, when it is not sent again, and what is never served."""
import email.utils
import os

import pytest

from harness import Trimaran, eventually

TEXT = "".join(f"line {number:04}\n" for number in range(1000)).encode()  # 10,000 bytes
EVERY_BYTE = bytes(range(256)) * 16
MODIFIED = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
EARLIER, EXACTLY, LATER = (email.utils.formatdate(MODIFIED + seconds, usegmt=True) for seconds in (-1, 0, 1))


@pytest.fixture(scope="module")
def site():
    files = {
        "public/index.html": "<!doctype html><title>home</title>\n",
        "public/text.txt": TEXT,
        "public/every.bin": EVERY_BYTE,
        "public/empty.txt": b"",
        "public/folder/index.html": "<!doctype html><title>folder</title>\n",
        "public/bare/file.txt": "a folder without an index",
        "public/with space.txt": "space",
        "public/h\u00e9.txt": "accent",
        "public/a%b.txt": "percent",
        "secret.txt": "outside the root",
        "public-too/secret.txt": "outside, with the root's name as a prefix",
        **{f"public/type.{suffix}": "x" for suffix in TYPES},
    }
    with Trimaran(files=files) as running:
        public = running.path / "public"
        os.utime(public / "text.txt", (MODIFIED, MODIFIED))
        (public / "inside.txt").symlink_to("text.txt")
        (public / "outside.txt").symlink_to("../secret.txt")
        (public / "outside-absolute.txt").symlink_to(running.path / "secret.txt")
        (public / "outside-folder").symlink_to("..")
        (public / "loop").symlink_to("loop")
        os.mkfifo(public / "pipe")
        yield running


@pytest.fixture
def client(site):
    with site.http() as connection:
        yield connection


TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json",
         "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "txt": "text/plain",
         "woff2": "font/woff2", "wasm": "application/wasm", "pdf": "application/pdf",
         "xml": ("text/xml", "application/xml"), "ico": ("image/x-icon", "image/vnd.microsoft.icon"),
         "HTML": "text/html", "unknown": "application/octet-stream"}


# --- what is served ---

def test_a_file_is_served_byte_for_byte(client):
    response = client.get("/every.bin")
    assert (response.status, response.body, response["content-length"]) == (200, EVERY_BYTE, "4096")


def test_an_empty_file(client):
    response = client.get("/empty.txt")
    assert (response.status, response.body, response["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("suffix", TYPES)
def test_the_type_follows_the_suffix(client, suffix):
    found = client.get(f"/type.{suffix}")["content-type"].partition(";")[0]
    assert found in (TYPES[suffix] if isinstance(TYPES[suffix], tuple) else (TYPES[suffix],))


def test_text_is_utf_8(client):
    for path in ("/", "/text.txt", "/type.css"):
        assert client.get(path)["content-type"].lower().replace(" ", "").endswith(";charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/?query=1", "/folder/"])
def test_a_folder_is_its_index(client, path):
    response = client.get(path)
    assert response.status == 200 and response["content-type"].startswith("text/html")


def test_a_folder_without_its_slash_is_a_redirect(client):  # or relative links on the page would be wrong
    response = client.get("/folder?a=b")
    assert response.status == 301
    assert response["location"].removeprefix("http://foobar.com") == "/folder/?a=b"


def test_a_redirect_of_a_folder_stays_on_the_site(client):
    """Once //example.com/.. was a folder's name to several servers and another host to the browser."""
    for path in ("//example.com/..", "//example.com/%2e%2e", "//folder"):
        location = client.get(path).get("location", "/")
        assert not location.startswith(("//", "/\\")), location


def test_a_folder_without_an_index_is_not_listed(client):
    for path in ("/bare", "/bare/"):
        response = client.get(path)
        assert response.status in (301, 403, 404) and b"file.txt" not in response.body
    assert client.get("/bare/").status in (403, 404)


@pytest.mark.parametrize("path, body", [("/with%20space.txt", b"space"), ("/h%C3%A9.txt", b"accent"),
                                        ("/a%25b.txt", b"percent"), ("/%74ext.txt", TEXT),
                                        ("/inside.txt", TEXT)])
def test_names_are_decoded_once(client, path, body):
    response = client.get(path)
    assert (response.status, response.body) == (200, body)


@pytest.mark.parametrize("path", ["/folder/../text.txt", "/./text.txt", "/folder/%2e%2e/text.txt", "//text.txt"])
def test_dots_that_stay_inside_are_resolved_or_refused(client, path):
    response = client.get(path)
    assert response.body == TEXT if response.status == 200 else response.status in (400, 403, 404)


def test_what_is_not_there_is_404(client):
    for path in ("/missing", "/missing/", "/text.txt/", "/text.txt/more", "/folder/missing", "/" + "a" * 300):
        response = client.get(path)
        assert response.status == 404 and response["content-type"].startswith("text/html"), path


# --- what is never served ---

@pytest.mark.parametrize("path", [
    "/../secret.txt", "/folder/../../secret.txt", "/%2e%2e/secret.txt", "/%2E./secret.txt", "/.%2e/secret.txt",
    "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/folder%2f..%2f..%2fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt",
    "/%252e%252e/secret.txt", "/..;/secret.txt", "/....//secret.txt", "/../public-too/secret.txt",
    "/%c0%ae%c0%ae/secret.txt",  # an overlong "..", which no UTF-8 decoder may accept
    "/text.txt%00.html", "/%00", "/secret.txt%00", "//secret.txt", "/../../../../../../etc/passwd",
    "/outside.txt", "/outside-absolute.txt", "/outside-folder/secret.txt", "/outside-folder/", "/pipe", "/loop",
    "/%", "/%2", "/%zz", "/text.txt%", "/proc/self/environ",
])
def test_nothing_outside_the_root_is_served(site, path):
    with site.http() as client:
        response = client.get(path)
        assert response.status in (400, 403, 404), response
        assert b"outside" not in response.body and b"root:" not in response.body


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/.htpasswd"])
def test_hidden_files_are_not_served(site, path):
    site.site.write("public" + path, "secret")
    assert site.get(path).status in (403, 404)


def test_well_known_files_are(site):  # RFC 8615
    site.site.write("public/.well-known/security.txt", "Contact: mailto:hostmaster@foobar.com\n")
    assert site.get("/.well-known/security.txt").status == 200


# --- what need not be sent again: RFC 9110 section 13 ---

def test_validators(client):
    response = client.get("/text.txt")
    assert response["last-modified"] == EXACTLY
    assert response["etag"].startswith('"') and response["etag"].endswith('"') and len(response["etag"]) > 2
    assert response["accept-ranges"] == "bytes"


def test_the_etag_changes_with_the_file(site):
    """Of the same size and written at once, on any file system; a busy file is looked at once a second."""
    site.site.write("public/changing.txt", "one")
    one = site.get("/changing.txt")
    site.site.write("public/changing.txt", "two")

    def changed():
        two = site.get("/changing.txt", headers={"If-None-Match": one["etag"]})
        return two if two.status == 200 else None

    two = eventually(changed)
    assert two.body == b"two" and two["etag"] != one["etag"]


CURRENT, OTHER, WEAK = "{etag}", '"other"', "W/{etag}"
PRECONDITIONS = [
    # headers, status; in the order of RFC 9110 section 13.2.2
    ({"If-Match": CURRENT}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": f"{OTHER}, {CURRENT}"}, 200),
    ({"If-Match": OTHER}, 412),
    ({"If-Match": WEAK}, 412),  # strong comparison
    ({"If-Match": CURRENT, "If-Unmodified-Since": EARLIER}, 200),  # If-Match decides alone
    ({"If-Unmodified-Since": EXACTLY}, 200),
    ({"If-Unmodified-Since": LATER}, 200),
    ({"If-Unmodified-Since": EARLIER}, 412),
    ({"If-Unmodified-Since": "yesterday"}, 200),  # no date: ignored
    ({"If-None-Match": CURRENT}, 304),
    ({"If-None-Match": WEAK}, 304),  # weak comparison
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": f"{OTHER}, W/{OTHER},{CURRENT}"}, 304),
    ({"If-None-Match": OTHER}, 200),
    ({"If-None-Match": "other"}, 200),
    ({"If-None-Match": OTHER, "If-Modified-Since": LATER}, 200),  # If-None-Match decides alone
    ({"If-None-Match": CURRENT, "If-Modified-Since": EARLIER}, 304),
    ({"If-Modified-Since": EXACTLY}, 304),
    ({"If-Modified-Since": LATER}, 304),
    ({"If-Modified-Since": EARLIER}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Modified-Since": "Tuesday, 14-Nov-23 22:13:20 GMT"}, 304),  # obsolete forms, section 5.6.7
    ({"If-Modified-Since": "Tue Nov 14 22:13:20 2023"}, 304),
    ({"If-Match": OTHER, "If-None-Match": CURRENT}, 412),
    ({"If-Match": CURRENT, "If-None-Match": CURRENT}, 304),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers, status", PRECONDITIONS)
def test_preconditions(client, headers, status, method):
    etag = client.get("/text.txt")["etag"]
    response = client.get("/text.txt", method, {name: value.format(etag=etag) for name, value in headers.items()})
    assert response.status == status
    assert (response.body == TEXT) == (status == 200 and method == "GET")
    if status == 304:  # section 15.4.5
        assert response["etag"] == etag and "date" in response.headers
    if response.get("connection", "").lower() != "close":
        assert client.get("/").status == 200  # the framing is still right


# --- parts: RFC 9110 section 14 ---

@pytest.mark.parametrize("ranges, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), ("bytes=100-", 100, 9999), ("bytes=-1", 9999, 9999),
    ("bytes=-100", 9900, 9999), ("bytes=-20000", 0, 9999), ("bytes=9999-", 9999, 9999), ("bytes=0-20000", 0, 9999),
    ("bytes=5000-99999999999999999999", 5000, 9999), ("Bytes=0-9", 0, 9)])
def test_a_part_of_a_file(client, ranges, first, last):
    response = client.get("/text.txt", headers={"Range": ranges})
    assert (response.status, response["content-range"]) == (206, f"bytes {first}-{last}/10000")
    assert response.body == TEXT[first:last + 1]
    assert response["etag"] == client.get("/text.txt")["etag"]


@pytest.mark.parametrize("ranges", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_part_that_is_not_there(client, ranges):
    response = client.get("/text.txt", headers={"Range": ranges})
    assert (response.status, response["content-range"]) == (416, "bytes */10000")


@pytest.mark.parametrize("ranges", ["bytes=5-4", "bytes=", "bytes=a-b", "bytes=1", "bytes=--1", "bytes=1-2-3",
                                    "bytes=+1-2", "bytes=0x1-2", "bytes 0-9", "lines=0-9"])
def test_a_range_that_makes_no_sense_is_ignored(client, ranges):
    """Section 14.2 lets a server ignore it or, for a unit it knows, refuse it."""
    response = client.get("/text.txt", headers={"Range": ranges})
    assert response.status in ((200,) if ranges.startswith(("lines", "bytes ")) else (200, 400, 416))
    assert response.status != 200 or response.body == TEXT


def test_several_parts_are_the_whole_file_or_all_of_them(client):
    response = client.get("/text.txt", headers={"Range": "bytes=0-0,9-9"})
    assert (response.status == 200 and response.body == TEXT) or (
        response.status == 206 and response["content-type"].startswith("multipart/byteranges"))


def test_range_is_only_for_get(client):
    response = client.get("/text.txt", method="HEAD", headers={"Range": "bytes=0-9"})
    assert (response.status, response["content-length"]) == (200, "10000")


def test_the_empty_file_has_no_parts(client):
    assert client.get("/empty.txt", headers={"Range": "bytes=0-0"}).status in (200, 416)


@pytest.mark.parametrize("condition, status", [
    (CURRENT, 206), (OTHER, 200), (WEAK, 200), (EXACTLY, 206), (EARLIER, 200), (LATER, 200), ("yesterday", 200)])
def test_if_range(client, condition, status):  # section 13.1.5: strong, and dates only when exactly equal
    etag = client.get("/text.txt")["etag"]
    response = client.get("/text.txt", headers={"Range": "bytes=0-9", "If-Range": condition.format(etag=etag)})
    assert (response.status, response.body) == (status, TEXT[:10] if status == 206 else TEXT)


def test_preconditions_come_before_ranges(site):
    etag = site.get("/text.txt")["etag"]
    assert site.get("/text.txt", headers={"Range": "bytes=0-9", "If-None-Match": etag}).status == 304
    assert site.get("/text.txt", headers={"Range": "bytes=0-9", "If-Match": OTHER}).status == 412
    assert site.get("/text.txt", headers={"Range": "bytes=99999-", "If-None-Match": etag}).status == 304


# --- a file that changes while it is sent ---

def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(site):
    """The promised length cannot be kept, so the client must see that the body is not whole. (What was queued may have
    turned into zeros: the kernel sends the file's own pages.)"""
    path = site.site.write("public/shrinking.bin", b"s" * 30_000_000)
    with site.http(receive_buffer=4096) as client:
        client.request("/shrinking.bin")
        head = client.socket.recv(4096)
        assert b"content-length: 30000000" in head.lower()
        os.truncate(path, 10)
        rest = head.partition(b"\r\n\r\n")[2] + client.read_to_close()
        assert len(rest) < 30_000_000
    assert site.get("/").status == 200


def test_a_large_file_arrives_whole(site):
    content = os.urandom(1 << 20) * 20
    site.site.write("public/large.bin", content)
    assert site.get("/large.bin").body == content
