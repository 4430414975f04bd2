"""Files that an application answers with: wsgi.file_wrapper, X-Sendfile and X-Accel-Redirect."""
import os

import pytest

from harness import Trimaran

APP = '''
import os

def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/wrapper":
        start_response("200 OK", [("Content-Type", "application/x-film")])
        return environ["wsgi.file_wrapper"](open("film.bin", "rb"))
    if path == "/sendfile":
        start_response("200 OK", [("Content-Type", "application/x-film"), ("X-Sendfile", os.path.abspath(query))])
        return []
    if path == "/accel":
        start_response("200 OK", [("Content-Type", "application/x-film"), ("X-Accel-Redirect", query),
                                  ("Content-Disposition", "attachment"), ("Set-Cookie", "seen=1"), ("X-Own", "gone")])
        return [b"never seen"]
    start_response("404 Not Found", [("Content-Length", "3")])
    return [b"app"]
'''
FILM = os.urandom(1 << 20) * 9
ROUTES = '[[route]]\npath = "/films/"\nfiles = "films"\ninternal = true\n'


@pytest.fixture(scope="module")
def site():
    files = {"app.py": APP, "film.bin": FILM, "films/film.bin": FILM, "films/small.txt": "small", "secret": "no"}
    with Trimaran(files=files, toml=ROUTES,
                  tables={"app": {"run": "wsgi:app:application", "workers": 1}}) as running:
        running.path.joinpath("secret").chmod(0)
        yield running


@pytest.mark.parametrize("path", ["/wrapper", "/sendfile?film.bin", "/accel?/films/film.bin"])
def test_a_large_file_arrives_whole_with_the_applications_type(site, path):
    response = site.get(path)
    assert response.status == 200 and response["content-type"] == "application/x-film"
    assert response["content-length"] == str(len(FILM))
    assert response.body == FILM
    assert response.get("x-sendfile") is None and response.get("x-accel-redirect") is None


@pytest.mark.parametrize("path", ["/wrapper", "/sendfile?film.bin", "/accel?/films/film.bin"])
def test_a_client_that_does_not_read_keeps_no_worker(site, path):
    with site.http(receive_buffer=4096) as client:
        client.request(path)
        assert client.socket.recv(100)
        assert site.get("/other").body == b"app", "the only worker is free"


def test_the_connection_goes_on_after_a_file(site):
    with site.http() as client:
        for _ in range(3):
            client.request("/sendfile?films/small.txt")
            assert client.read_response().body == b"small"


def test_a_file_that_the_application_may_not_read_or_that_is_none_is_its_mistake(site):
    paths = ["/nonexistent", "films"] + (["secret"] if os.geteuid() != 0 or site_has_its_own_user(site) else [])
    for path in paths:
        assert site.get("/sendfile?" + path).status == 500, path
    assert site.get("/other").status == 404


def site_has_its_own_user(site):
    return any(os.stat(f"/proc/{service['pid']}").st_uid != 0 for service in site.services("app"))


def test_an_internal_route_is_not_there_for_clients(site):
    assert site.get("/films/film.bin").status == 404
    assert site.get("/films/").status == 404


def test_a_redirect_keeps_some_headers_and_serves_ranges(site):
    with site.http() as client:
        client.request("/accel?/films/film.bin", headers={"Range": "bytes=5-14"})
        response = client.read_response()
    assert response.status == 206 and response.body == FILM[5:15]
    assert response["content-disposition"] == "attachment" and response["set-cookie"] == "seen=1"
    assert response.get("x-own") is None


def test_a_redirect_to_nothing_or_to_the_application_is_404(site):
    for target in ("/films/none", "/other", "/wrapper"):
        assert site.get("/accel?" + target).status == 404, target
