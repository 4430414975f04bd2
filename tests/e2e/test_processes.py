"""[[process]] and [[cron]]: what belongs to a release besides its workers runs once, also while releases change."""
import os
import signal

import pytest

from harness import PATIENCE_SECONDS, Trimaran, eventually, proc

APP = '''
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
'''
# Takes a lock for its whole life: a second one at the same time would say so. Its end takes a moment, as real ones do.
CONSUMER = '''
import fcntl, os, signal, sys, time

lock = open(os.environ["LOCK"], "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("TWICE")
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.2), print("finished", flush=True), sys.exit(0)))
print("consumes as", os.getpid(), "for", os.environ["TRIMARAN_SITE"], os.environ["DATABASE_URL"][:6], flush=True)
while True:
    time.sleep(60)
'''
TOML = '''
[[process]]
name = "jobs"
run = "LOCK=state/foobar.com/lock /usr/bin/python3 consumer.py"
'''


def processes_site(toml=TOML, **files):
    return Trimaran(files={"app.py": APP, "consumer.py": CONSUMER} | files,
                    tables={"app": {"run": "wsgi:app:application", "workers": 1}}, toml=toml)


@pytest.fixture
def site():
    with processes_site() as running:
        yield running


def service(site, name):
    return next((s for s in site.status()["services"] if s["name"] == name), None)


def test_a_process_runs_beside_the_workers_and_ends_with_them(site):
    site.wait_for_line(r"process foobar.com/jobs \| consumes as \d+ for foobar.com sqlite")
    eventually(lambda: service(site, "process foobar.com/jobs")["state"] == "serving")
    site.stop()
    site.wait_for_line(r"process foobar.com/jobs \| finished")


def test_a_process_that_dies_is_started_again(site):
    pid = int(site.wait_for_line(r"consumes as (\d+)")[1])
    seen = len(site.log)
    os.kill(pid, signal.SIGKILL)
    assert int(site.wait_for_line(r"consumes as (\d+)", since=seen)[1]) != pid
    assert service(site, "process foobar.com/jobs")["restarts"] >= 1


def test_a_process_never_runs_twice_across_new_generations(site):
    site.wait_for_line(r"consumes as \d+")
    for threads in range(2, 6):
        seen = len(site.log)
        site.site.configure({"app": {"threads": threads}}, TOML)
        site.command("reload")
        site.wait_for_line(r"jobs \| finished", since=seen)
        site.wait_for_line(r"jobs \| consumes as \d+", since=seen)
    assert not [line for line in site.log if "TWICE" in line]


def test_a_broken_generation_leaves_the_processes_of_the_old_one_alone(site):
    pid = int(site.wait_for_line(r"consumes as (\d+)")[1])
    site.site.write("app.py", "this is no python")
    site.site.configure({"app": {"threads": 3}}, TOML)
    assert site.command("reload", check=False).returncode == 1
    os.kill(pid, 0)
    assert service(site, "process foobar.com/jobs")["restarts"] == 0


def test_the_procfile_is_read_and_the_site_file_wins():
    procfile = "web: exit 1\nrelease: exit 1\njobs: exit 1\nmail: echo mail runs; exec sleep 1000\n"
    with processes_site(Procfile=procfile) as site:
        site.wait_for_line(r"process foobar.com/mail \| mail runs")
        site.wait_for_line(r"process foobar.com/jobs \| consumes")
        names = [s["name"] for s in site.status()["services"] if s["kind"] == "process"]
        assert sorted(names) == ["process foobar.com/jobs", "process foobar.com/mail"]


def test_an_upgrade_leaves_processes_alone(site):
    consumer, seen = int(site.wait_for_line(r"consumes as (\d+)")[1]), len(site.log)
    shell = service(site, "process foobar.com/jobs")["pid"]
    for _ in range(2):
        site.command("upgrade")
        assert [(s["name"], s["pid"], s["state"], s["restarts"]) for s in site.services("process foobar.com")] == \
            [("process foobar.com/jobs", shell, "serving", 0)]
    os.kill(consumer, 0)
    assert not [line for line in site.log[seen:] if "process foobar.com/jobs" in line]
    seen = len(site.log)
    os.kill(consumer, signal.SIGKILL)  # watched as before
    site.wait_for_line(r"process foobar.com/jobs \| consumes as \d+", since=seen)


def test_a_process_that_begins_with_a_word_of_the_shell():
    lines = {"a": "exec /bin/echo a runs", "b": "cd /; pwd; exec sleep 1000"}
    toml = "".join(f'[[process]]\nname = "{name}"\nrun = "{run}"\n' for name, run in lines.items())
    with processes_site(toml) as site:
        site.wait_for_line(r"process foobar.com/a \| a runs")
        site.wait_for_line(r"process foobar.com/b \| /$")


def test_status_says_that_a_process_does_not_serve():
    with processes_site('[[process]]\nname = "jobs"\nrun = "exit 3"\n') as site:
        said = eventually(lambda: (status := site.command("status", check=False)).returncode == 4 and status.stdout)
        assert "exited with status 3" in said
        site.site.configure({}, "")
        site.command("reload")
        eventually(lambda: site.command("status", check=False).returncode == 0)


def test_a_cron_job_runs_within_the_minute_and_its_failure_is_said():
    """The rules of time are unit tests (cron_timer_test.cc, jobs_test.cc); here is one real minute."""
    cron = '[[cron]]\nname = "tick"\nschedule = "* * * * *"\nrun = "echo tick $TRIMARAN_SITE; exit 3"\n' \
           '[[cron]]\nname = "long"\nschedule = "* * * * *"\nrun = "echo begins; exec sleep 1000"\n'
    with processes_site(cron) as site:
        assert service(site, "cron foobar.com/tick")["state"] == "waiting"
        site.wait_for_line(r"cron foobar.com/tick \| tick foobar.com", deadline_s=60 + PATIENCE_SECONDS)
        site.wait_for_line(r"trimaran \| cron foobar.com/tick exited with status 3")
        site.wait_for_line(r"cron foobar.com/long \| begins")
        before = service(site, "cron foobar.com/long")
        site.command("upgrade")
        assert [(s["name"], s["pid"], s["state"]) for s in site.services("cron foobar.com/long")] == \
            [("cron foobar.com/long", before["pid"], "running")]
        assert len(site.services("cron foobar.com")) == 2


def test_what_a_process_forked_ends_at_the_next_start_after_a_killed_supervisor():
    toml = '[[process]]\nname = "jobs"\nrun = "sleep 86399 & echo forked $!; wait"\n'
    with processes_site(toml) as site:
        forked = int(site.wait_for_line(r"forked (\d+)")[1])
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        site.process = None
        site.site.configure()  # without it
        site.start()
        assert "86399" not in proc.command(forked)
