"""The site of the mission, www.foobar.com: two applications, two engines, one behaviour. What a visitor adds is there
after a stop and a start, and after a kill -9 of everything at once."""
import contextlib
import re
import shutil
from pathlib import Path
from urllib.parse import urlencode

import pytest

from harness import PATIENCE_SECONDS, Trimaran, eventually
from harness.programs import programs

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/foobar"
LIBRARY = programs().parent / "examples/libfoobar.so"
VARIANTS = [("wsgi", "sqlite"), ("wsgi", "mariadb"), ("native", "sqlite"), ("native", "mariadb")]


def example(language, engine):
    files = {str(f.relative_to(EXAMPLE)): f.read_bytes() for f in (EXAMPLE / "public").rglob("*") if f.is_file()}
    files |= {f.name: f.read_bytes() for f in EXAMPLE.glob("*.py")}
    run = "wsgi:wsgi:application" if language == "wsgi" else "native:libfoobar.so"
    if language == "native":
        files["libfoobar.so"] = LIBRARY.read_bytes()
    return Trimaran(files=files, tables={"app": {"run": run, "workers": 2, "health": "/healthz"},
                                         "database": {"engine": engine}})


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join(variant))
def site(request):
    with example(*request.param) as running:
        yield running


def post(site, path, **fields):
    return site.get(path, method="POST", body=urlencode(fields).encode(),
                    headers={"Content-Type": "application/x-www-form-urlencoded"})


def test_the_home_page_is_static_and_the_pages_of_the_application_answer(site):
    home = site.get("/", headers={"Host": "www.foobar.com"})
    assert home.status == 200 and b"foobar.com" in home.body
    assert site.get("/style.css").headers["content-type"].startswith("text/css")
    for path in ("/posts", "/products", "/users"):
        assert site.get(path).status == 200
    assert site.get("/healthz").body == b"ok\n"
    assert site.get("/nothing-here").status == 404


def test_what_is_added_survives_a_restart_and_a_kill_of_everything(site):
    assert post(site, "/posts", title="First & last", body="Ahoy <world>").status == 303
    assert post(site, "/products", name="Rope", price="12.50").status == 303
    assert post(site, "/users", name="Ann", email="ann@example.com").status == 303

    def all_there():
        assert b"First &amp; last" in site.get("/posts").body
        assert b"Ahoy &lt;world&gt;" in site.get("/posts").body
        assert b"Rope" in site.get("/products").body and b"12.50" in site.get("/products").body
        assert b"ann@example.com" in site.get("/users").body
        return True

    assert all_there()
    site.restart()
    eventually(all_there)
    post(site, "/posts", title="Just before the power cut", body="x")
    site.kill9_group()
    site.start()
    eventually(all_there)
    assert b"Just before the power cut" in site.get("/posts").body


def test_a_form_with_a_mistake_is_shown_again_and_nothing_is_stored(site):
    before = site.get("/posts").body
    assert post(site, "/posts", title="", body="x").status == 422
    assert post(site, "/users", name="x", email="no-at-sign").status == 422
    assert site.get("/posts").body == before


def without_times(page):
    """Times differ from one database to the next."""
    return re.sub(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?", b"TIME", page)


def test_all_four_give_the_same_pages():
    pages = {}
    for language, engine in VARIANTS:
        with example(language, engine) as site:
            post(site, "/posts", title="Ümläut & <tag>", body="two\r\nlines")
            post(site, "/products", name="Sail", price="0.05")
            wrong = post(site, "/products", name="", price="abc")
            bodies = [site.get(path).body for path in ("/posts", "/products", "/users", "/missing", "/healthz")]
            pages[language, engine] = [without_times(body) for body in [*bodies, wrong.body]]
    first = pages.pop(VARIANTS[0])
    for variant, other in pages.items():
        assert other == first, variant


@pytest.mark.skipif(not shutil.which("chromedriver"), reason="chromium-driver is not installed")
def test_a_browser_adds_a_post_and_finds_it_after_a_restart(tmp_path):
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    with example("wsgi", "sqlite") as site:
        for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync",
                         "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}/profile",
                         "--host-resolver-rules=MAP www.foobar.com 127.0.0.1"):
            options.add_argument(argument)
        options.binary_location = "/usr/bin/chromium"

        def start():
            # Chromium and its driver give each other a fixed time, and a busy machine may need longer.
            for attempts_left in (2, 1, 0):
                with contextlib.suppress(*[WebDriverException] * bool(attempts_left)):
                    return webdriver.Chrome(service=webdriver.chrome.service.Service("/usr/bin/chromedriver"),
                                            options=options)

        browser = start()

        def wait_for(text):
            # While one page gives way to the next, Chromium answers with any of its errors, not only a stale element.
            WebDriverWait(browser, PATIENCE_SECONDS, ignored_exceptions=[WebDriverException]).until(
                lambda page: text in page.find_element(By.TAG_NAME, "main").text)

        def click(by, what):
            # The same: it may be clicked and yet give an error of what follows. The next page is the evidence.
            with contextlib.suppress(WebDriverException):
                browser.find_element(by, what).click()

        def visit(page):
            def arrives():
                try:
                    browser.get(url + page)
                except WebDriverException as error:
                    if "ERR_NETWORK_CHANGED" not in str(error):
                        raise
                    return False  # an interface of the machine came or went, which has nothing to do with us
                return True
            eventually(arrives)

        try:
            url = f"http://www.foobar.com:{site.http_port}"
            visit("/")
            assert "foobar.com" in browser.title.lower() or "foobar.com" in browser.page_source
            click(By.LINK_TEXT, "Posts")
            wait_for("Add a post")
            browser.find_element(By.NAME, "title").send_keys("Written by a browser")
            browser.find_element(By.NAME, "body").send_keys("and read by one")
            click(By.CSS_SELECTOR, "form [type=submit], form button")
            wait_for("Written by a browser")
            site.restart()
            eventually(lambda: site.get("/healthz").status == 200)
            visit("/posts")
            wait_for("Written by a browser")
        finally:
            browser.quit()
