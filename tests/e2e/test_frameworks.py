"""Applications that know nothing of Trimaran: what Debian's Flask and Django make, run from a site file of five
lines."""
import json
import os
import re
import shutil
import subprocess
from urllib.parse import urlencode

import pytest

from harness import Trimaran

PYTHON = "/usr/bin/python3"
FORM = "application/x-www-form-urlencoded"

FLASK_APP = '''
from flask import Flask, Response, redirect, request, send_file, session, url_for

app = Flask(__name__)
app.secret_key = "only for a test"

@app.route("/")
def home():
    return f"Hello {session.get('name', 'stranger')}"

@app.post("/login")
def login():
    session["name"] = request.form["name"]
    return redirect(url_for("home"))

@app.post("/upload")
def upload():
    file = request.files["file"]
    return {"name": file.filename, "bytes": len(file.read())}

@app.route("/count/<int:last>")
def count(last):
    return Response((f"{i}\\n" for i in range(last)), mimetype="text/plain")

@app.route("/source")
def source():
    return send_file(__file__, mimetype="text/plain")

@app.route("/whereami")
def whereami():
    return {"url": request.url, "remote": request.remote_addr, "secure": request.is_secure, "query": request.args}

@app.route("/broken")
def broken():
    raise RuntimeError("the mast broke")
'''


def can_import(module):
    return subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, timeout=240).returncode == 0


def cookie(response):
    return response.get("set-cookie").partition(";")[0]


@pytest.mark.skipif(not can_import("flask"), reason="python3-flask is not installed")
def test_flask():
    app = {"run": "wsgi:app:app", "threads": 2}
    with Trimaran(files={"app.py": FLASK_APP}, tables={"site": {"root": None}, "app": app}) as site:
        assert site.get("/").body == b"Hello stranger"
        login = site.get("/login", method="POST", headers=[("Content-Type", FORM)], body=b"name=Ada")
        assert (login.status, login.get("location")) == (302, "/")
        assert site.get("/", headers=[("Cookie", cookie(login))]).body == b"Hello Ada"

        boundary = "next-part"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'.encode()
        body = part + b"x" * 300_000 + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        upload = site.get("/upload", method="POST", headers=[("Content-Type", kind)], body=body)
        assert json.loads(upload.body) == {"name": "big.bin", "bytes": 300_000}

        assert site.get("/count/5").body == b"0\n1\n2\n3\n4\n"
        assert site.get("/source").body == FLASK_APP.encode()
        assert json.loads(site.get("/whereami?a=1&b=%C3%A4").body) == {
            "url": "http://foobar.com/whereami?a=1&b=ä", "remote": "127.0.0.1", "secure": False,
            "query": {"a": "1", "b": "ä"}}
        assert site.get("/broken").status == 500
        site.wait_for_line("RuntimeError: the mast broke")
        assert site.get("/nowhere").status == 404


@pytest.mark.deadline(1200)
@pytest.mark.skipif(not can_import("django"), reason="python3-django is not installed")
def test_a_new_django_project(tmp_path):
    """`django-admin startproject`, not one line of it changed; its admin is used like a visitor would."""
    subprocess.run([PYTHON, "-m", "django", "startproject", "mysite", tmp_path], check=True, timeout=240)
    files = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.py")}
    with Trimaran(files=files, tables={"site": {"root": None}, "app": {"run": "wsgi:mysite.wsgi:application"}}) as site:
        manage = [PYTHON, site.path / "manage.py"]
        environment = os.environ | {"DJANGO_SUPERUSER_PASSWORD": "a-test-password"}
        for arguments in (["migrate", "-v", "0"],
                          ["createsuperuser", "--noinput", "--username", "ada", "--email", "ada@foobar.com"]):
            subprocess.run([*manage, *arguments], check=True, timeout=480, env=environment)
        if os.geteuid() == 0:  # the workers are another user's
            for path in (site.path, site.path / "db.sqlite3"):
                shutil.chown(path, "www-data")

        # A new project answers to localhost only; that name leads to a single site.
        def request(method, target, headers=(), body=None):
            return site.get(target, method=method, headers=[("Host", "localhost"), *headers], body=body)

        assert b"The install worked successfully" in request("GET", "/").body
        form = request("GET", "/admin/login/?next=/admin/")
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', form.body)[1].decode()
        fields = {"username": "ada", "password": "a-test-password", "csrfmiddlewaretoken": token, "next": "/admin/"}
        login = request("POST", "/admin/login/", [("Content-Type", FORM), ("Cookie", cookie(form)),
                                                  ("Referer", "http://localhost/admin/login/")],
                        urlencode(fields).encode())
        assert (login.status, login.get("location")) == (302, "/admin/")
        cookies = "; ".join(value.partition(";")[0] for name, value in login.all if name == "set-cookie")
        assert b"Site administration" in request("GET", "/admin/", [("Cookie", cookies)]).body
        assert request("GET", "/admin/").status == 302  # not for a stranger
