"""`trimaran check` and `trimaran init` from the outside: what is printed where, and the exit code."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.programs import programs

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/foobar"
GOOD = '[site]\ndomain = "foobar.com"\nroot = "public"\n[listen]\nhttp = "127.0.0.1:8080"\ndns = []\n'
RUN_SECONDS_MAX = 180


def trimaran(*arguments, folder):
    return subprocess.run([programs() / "trimaran", *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=RUN_SECONDS_MAX)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "public").mkdir()
    return tmp_path


def write(folder, text, name="trimaran.toml"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_a_good_file_gives_a_summary_and_0(folder):
    write(folder, GOOD)
    done = trimaran("check", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"foobar.com, www.foobar.com at 127.0.0.1\n  files     {folder}/public\n"
                           "http 127.0.0.1:8080\ndns  off\n")


def test_all_mistakes_are_shown_at_once_with_their_lines_and_2(folder):
    write(folder, GOOD + '[app]\nrun = "wsgi:app:application"\npython = "3.12"\nworkers = 0\n')
    done = trimaran("check", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == """\
trimaran.toml:9:1: error: unknown key "python" in [app]; did you mean "interpreter"?
    9 | python = "3.12"
      | ^
trimaran.toml:10:11: error: workers: expected 1 to 256, found 0
   10 | workers = 0
      |           ^
"""


def test_the_file_may_be_named(folder):
    write(folder, GOOD, "other.toml")
    assert trimaran("check", "-c", "other.toml", folder=folder).returncode == 0
    write(folder, GOOD + "x = 1\n", "wrong.toml")
    assert trimaran("check", "-c", folder / "wrong.toml", folder="/").returncode == 2


def test_json_has_the_same_for_programs(folder):
    write(folder, GOOD)
    good = trimaran("check", "--json", folder=folder)
    assert good.returncode == 0
    report = json.loads(good.stdout)
    assert report["ok"] is True and report["diagnostics"] == []
    assert report["sites"][0]["domain"] == "foobar.com" and report["listen"]["http"] == ["127.0.0.1:8080"]
    write(folder, GOOD + "dsn = 1\n")
    wrong = trimaran("check", "--json", folder=folder)
    assert (wrong.returncode, wrong.stderr) == (2, "")
    report = json.loads(wrong.stdout)
    assert report["ok"] is False
    assert report["diagnostics"] == [{"file": str(folder / "trimaran.toml"), "line": 7, "column": 1,
                                      "message": 'unknown key "dsn" in [listen]', "hint": 'did you mean "dns"?'}]


def test_a_missing_file_is_named(folder):
    done = trimaran("check", "-c", "nowhere.toml", folder=folder)
    assert done.returncode == 2 and "nowhere.toml" in done.stderr and "No such file" in done.stderr


def test_a_mistake_in_zone_text_has_its_line_in_the_site_file(folder):
    write(folder, GOOD + '[dns]\nrecords = """\nmail A 192.0.2.1\nmail A nonsense\n"""\n')
    done = trimaran("check", folder=folder)
    assert done.returncode == 2 and "trimaran.toml:10:" in done.stderr


def test_the_example_is_good():
    done = trimaran("check", "-c", EXAMPLE / "trimaran.toml", folder=EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "wsgi:wsgi:application, 2 workers, 1 thread each" in done.stdout


def test_init_writes_a_good_site_and_says_how_to_start_it(tmp_path):
    done = trimaran("init", "my site", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  cd 'my site' && {programs() / 'trimaran'} run\n" in done.stdout
    written = sorted(str(path.relative_to(tmp_path / "my site")) for path in (tmp_path / "my site").rglob("*.*"))
    assert written == [".gitignore", "public/index.html", "public/style.css", "trimaran.toml", "wsgi.py"]
    assert ".trimaran/" in (tmp_path / "my site/.gitignore").read_text().splitlines()
    assert trimaran("check", folder=tmp_path / "my site").returncode == 0


def test_init_overwrites_nothing(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".gitignore").write_text("mine")
    assert trimaran("init", ".", folder=tmp_path).returncode == 0
    assert (tmp_path / ".gitignore").read_text() == "mine"
    (tmp_path / "trimaran.toml").unlink()
    (tmp_path / "wsgi.py").write_text("mine")
    done = trimaran("init", ".", folder=tmp_path)
    assert done.returncode == 1 and "wsgi.py is there already; nothing was written" in done.stderr
    assert (tmp_path / "wsgi.py").read_text() == "mine" and not (tmp_path / "trimaran.toml").exists()


def test_the_new_site_says_that_its_application_is_for_sqlite(tmp_path):
    assert trimaran("init", ".", folder=tmp_path).returncode == 0
    url = "mysql://me@localhost/example_test?unix_socket=/nowhere"
    done = subprocess.run([sys.executable, "-c", "import wsgi"], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"DATABASE_URL": url}, timeout=RUN_SECONDS_MAX)
    assert done.returncode == 1 and "SQLite only" in done.stderr and "PyMySQL" in done.stderr
