"""PHP as the application: run = "php:FOLDER", Debian's php-fpm started and configured by us."""
import glob
import hashlib
import os
import signal
import threading

import pytest

from harness import Trimaran, eventually, proc

pytestmark = pytest.mark.skipif(not glob.glob("/usr/sbin/php-fpm*"), reason="no php-fpm here")

FILES = {
    "web/index.php": "<?php echo 'front controller ', $_SERVER['REQUEST_URI'];",
    "web/hello.php": "<?php echo 'hello ', $_GET['name'] ?? 'nobody';",
    "web/info.php": "<?php foreach (['PATH_INFO', 'SCRIPT_NAME', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'REQUEST_METHOD',"
                    " 'REMOTE_ADDR', 'HTTP_HOST', 'SERVER_NAME', 'DATABASE_URL'] as $n)"
                    " echo $n, '=', $_SERVER[$n] ?? getenv($n), \"\\n\";",
    "web/upload.php": "<?php $f = $_FILES['f']; echo $f['name'], ' ', $f['size'], ' ', md5_file($f['tmp_name']);",
    "web/body.php": "<?php echo strlen(file_get_contents('php://input'));",
    "web/fail.php": "<?php throw new Exception('the mast broke');",
    "web/teapot.php": "<?php http_response_code(418); header('X-Mast: broken');",
    "web/go.php": "<?php header('Location: /elsewhere');",
    "web/pid.php": "<?php echo posix_getppid();",
    "web/big.php": "<?php for ($i = 0; $i < 400; $i++) echo str_repeat('b', 65536);",
    "web/hold.php": "<?php file_put_contents('/tmp/' . $_GET['mark'], \"begun\\n\", FILE_APPEND);"
                    " while (!file_exists('/tmp/' . $_GET['go'])) usleep(10000); echo 'held';",
    "web/blog/index.php": "<?php echo 'the blog';",
    "web/style.css": "body { color: navy }",
    "web/photo.jpg": "<?php echo 'an upload that was run';",
    "web/index.php.bak": "<?php // a secret",
    "web/.env": "SECRET=1",
    "web/healthz.php": "<?php echo 'ok';",
}


@pytest.fixture(scope="module")
def site():
    tables = {"site": {"root": None}, "app": {"run": "php:web", "health": "/healthz.php"}}
    with Trimaran(files=FILES, tables=tables) as running:
        yield running


def test_a_script_answers(site):
    answer = site.get("/hello.php?name=ann")
    assert answer.status == 200 and answer.body == b"hello ann"
    assert answer["content-type"].startswith("text/html")
    assert site.get("/hello.php", method="HEAD").body == b""


def test_paths_without_a_file_go_to_the_front_controller(site):
    assert site.get("/2026/11/a-post?p=1").body == b"front controller /2026/11/a-post?p=1"
    assert site.get("/").body == b"front controller /"
    assert site.get("/blog/").body == b"the blog"
    moved = site.get("/blog?x=1")
    assert moved.status == 301 and moved["location"] == "/blog/?x=1"


def test_scripts_hear_what_php_expects(site):
    said = dict(line.split("=", 1) for line in site.get("/info.php/a/b").body.decode().splitlines())
    assert said["PATH_INFO"] == "/a/b" and said["SCRIPT_NAME"] == "/info.php"
    assert said["SCRIPT_FILENAME"] == f"{site.path}/web/info.php" and said["DOCUMENT_ROOT"] == f"{site.path}/web"
    assert said["REMOTE_ADDR"] == "127.0.0.1" and said["SERVER_NAME"] == "foobar.com"
    assert said["DATABASE_URL"].startswith("sqlite:")


def test_files_are_served_and_sources_never_are(site):
    assert site.get("/style.css").body == b"body { color: navy }"
    for path in ("/index.php.bak", "/.env", "/index.php/", "/%69ndex.php.bak", "/photo.jpg/x.php", "/INDEX.PHP"):
        body = site.get(path).body
        assert b"secret" not in body and b"SECRET" not in body and b"<?php" not in body, path
        assert b"an upload that was run" not in body, path
    assert site.get("/photo.jpg")["content-type"] == "image/jpeg"  # a file, not a script


def test_uploads_and_bodies_arrive(site):
    data = os.urandom(300_000)
    body = (b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\r\n" + data + b"\r\n--b--\r\n")
    answer = site.get("/upload.php", method="POST", body=body,
                      headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.body.decode() == f"x.bin 300000 {hashlib.md5(data).hexdigest()}"
    with site.http() as client:
        client.send(b"POST /body.php HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert client.read_response().body == b"11"


def test_status_headers_redirects_and_large_answers(site):
    teapot = site.get("/teapot.php")
    assert teapot.status == 418 and teapot["x-mast"] == "broken"
    moved = site.get("/go.php")
    assert moved.status == 302 and moved["location"] == "/elsewhere"
    assert site.get("/big.php").body == b"b" * 65536 * 400


def test_an_error_of_php_is_a_500_and_a_line_in_the_log(site):
    assert site.get("/fail.php").status == 500
    eventually(lambda: any("the mast broke" in line for line in site.log))


def test_more_visitors_than_processes_are_all_served(site):
    answers = []

    def visit():
        with site.http() as client:
            for _ in range(20):
                answers.append(client.get("/hello.php").status)
    threads = [threading.Thread(target=visit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 240


def test_kill_9_of_php_fpm_costs_no_get(site):
    mark, go = f"{site.path.name}-mark", f"{site.path.name}-go"
    bodies = []

    def visit():
        with site.http() as client:
            bodies.append(client.get(f"/hold.php?mark={mark}&go={go}").body)
    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: os.path.exists(f"/tmp/{mark}") and len(open(f"/tmp/{mark}").readlines()) == 3)
    os.kill(site.pid("app foobar.com/1"), signal.SIGKILL)
    open(f"/tmp/{go}", "w").close()
    for thread in threads:
        thread.join()
    os.unlink(f"/tmp/{mark}")
    os.unlink(f"/tmp/{go}")
    assert bodies == [b"held"] * 3


def test_a_reload_replaces_php_fpm_and_loses_nothing(site):
    before = eventually(lambda: site.pid("app foobar.com/1"))  # the one that was killed may still be replaced
    site.site.configure({"app": {"threads": 3}})
    site.command("reload")
    assert site.get("/hello.php").body == b"hello nobody"
    eventually(lambda: not os.path.exists(f"/proc/{before}"))


def pool_of(site):
    """php-fpm's children: what answers, not who was started."""
    master = site.pid("app foobar.com/1")
    return [pid for pid in proc.descendants(master) if pid != master]


def test_the_pool_ends_with_its_master():
    with Trimaran(files=FILES, tables={"app": {"run": "php:web", "threads": 3}}) as site:
        pool = eventually(lambda: pool_of(site))
        os.kill(site.pid("app foobar.com/1"), signal.SIGKILL)
        eventually(lambda: not set(site.pids()) & set(pool))


def test_the_pool_of_a_killed_supervisor_ends_at_the_next_start():
    with Trimaran(files=FILES, tables={"app": {"run": "php:web", "threads": 3}}) as site:
        pool = eventually(lambda: pool_of(site))
        before = {pid: proc.command(pid) for pid in pool}
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        site.process = None
        site.start()
        assert {pid: proc.command(pid) for pid in pool if proc.command(pid) == before[pid]} == {}
        assert site.get("/hello.php").body == b"hello nobody"
        site.stop()
