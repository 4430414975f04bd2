"""Trimaran as the subject: the running site of the end-to-end tests, with releases to deploy."""
import json
import os
import re
import shutil
import time

from harness import Trimaran
from harness.asan import worker_environment
from harness.programs import programs

from .measure import until

SITES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sites", "never_down")
NAME = "Trimaran"
DEPLOY_SECONDS = 120


def source(name):
    with open(os.path.join(SITES, name)) as f:
        return f.read()


def release_files(release, changes=None):
    """The files of one release; `changes` replaces some of them."""
    return {"app.py": source("app.py"), "chat.py": source("chat.py"), "release": release + "\n",
            "public/1k.html": "x" * 1024} | (changes or {})


class Site(Trimaran):
    """`with Site(app={"workers": 2}) as site:`; the first release, "r0", is served from the site's own folder."""

    def __init__(self, app=None, tables=None, toml=""):
        files = release_files("r0") | {"app.env": worker_environment(programs())}
        own = {"app": {"run": "wsgi:app:application", "env_file": "app.env"} | (app or {})}
        super().__init__(files=files, tables=own | (tables or {}), toml=toml)
        self.ids = {}  # of the releases that were deployed: {name: id}
        self.counter = self.path / "counter"
        self.counter.touch()
        self.counter.chmod(0o666)
        with open(self.path / "app.env", "a") as env:
            env.write(f"COUNTER={self.counter}\n")

    def start(self, wait=True):
        """Until all workers serve: a site is ready with the first one, and what is counted now is compared later."""
        super().start(wait)
        if wait:
            until(lambda: self.services("app") and all(s["state"] == "serving" for s in self.services("app")))
        return self

    def release(self, name, changes=None):
        """A folder to deploy."""
        folder = self.path / "new" / name
        shutil.rmtree(folder, ignore_errors=True)
        for file, text in release_files(name, changes).items():
            self.site.write(f"new/{name}/{file}", text)
        return folder

    def deploy(self, name, changes=None, check=True):
        done = self.command("deploy", self.release(name, changes), check=check, deadline_s=DEPLOY_SECONDS)
        if made := re.search(r"release ([\w-]+)", done.stdout):
            self.ids[name] = made[1]
        return done

    def rollback(self, name):
        return self.command("rollback", self.ids[name], deadline_s=DEPLOY_SECONDS)

    def upgrade(self):
        return self.command("upgrade", deadline_s=DEPLOY_SECONDS)

    def reload_changed(self, number):
        """A real change each time: another max-age for the static files."""
        self.site.configure(toml=f'[[route]]\npath = "/"\nfiles = "public"\ncache = "{number + 1}s"\n')
        return self.command("reload", deadline_s=DEPLOY_SECONDS)

    def status(self):
        """Also while it is degraded, which a case here often makes it on purpose (exit code 4)."""
        return json.loads(self.command("status", "--json", check=False).stdout)

    def workers(self):
        return [s for s in self.services("app") if s.get("pid") and s["state"] == "serving"]

    def kill_and_wait(self, service, signal_number):
        """Kills that process and waits until another one serves in its place."""
        count = len(self.services(service["name"]))
        killed_s = time.monotonic()
        os.kill(service["pid"], signal_number)

        def replaced():
            now = self.services(service["name"])
            return len(now) >= count and all(s["state"] == "serving" and s["pid"] != service["pid"] for s in now)
        until(replaced)
        return killed_s
