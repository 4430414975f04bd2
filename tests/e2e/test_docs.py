"""The documents say what the program does: docs/site-file.md names every key that the parser knows, and no other, and
every verb; the files that it and the README show are good.
"""
import json
import re
import subprocess
from pathlib import Path

import pytest

from harness.programs import programs

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/site-file.md").read_text()
README = (ROOT / "README.md").read_text()
RUN_SECONDS_MAX = 180

KEY_CALL = re.compile(r'\breader\.(?:read_\w+|has|value)\("(\w+)"')
READER = re.compile(r'TableReader reader\([^"]*"\[+(\w+)\]+"')
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)

# Files and folders that the examples name.
FOLDERS = ("public", "static", "films")
FILES = ("libhello.so",)
FAR_TOO_MUCH = {"number": 10**12, "duration": '"1000y"', "size": '"1000T"'}


def blocks(text, language):
    return [body for found, body in BLOCK.findall(text) if found == language]


def documented():
    """{(table, key): (type, range)}, from the tables below a heading such as ### `[site]`."""
    found = {}
    for table, section in re.findall(r"^### `\[+(\w+)\]+`\n(.*?)(?=^##|\Z)", REFERENCE, re.M | re.S):
        for row in re.findall(r"^\| `(\w+)` \|(.*)\|$", section, re.M):
            cells = [cell.strip() for cell in row[1].split("|")]
            assert len(cells) == 4, f"[{table}] {row[0]}: expected type, default, range, meaning"
            found[table, row[0]] = (cells[0], cells[2])
    return found


def read_by_the_parser():
    """{source file: (its tables, the keys that it asks for)}, the document itself (parse.cc) left out."""
    found = {}
    for source in sorted((ROOT / "src/config").glob("*.cc")):
        text = source.read_text()
        if tables := set(READER.findall(text)):
            found[source.name] = (tables, set(KEY_CALL.findall(text)))
    return found


def check(folder, text, name="trimaran.toml"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    done = subprocess.run([programs() / "trimaran", "check", "--json", "-c", folder / "trimaran.toml"],
                          capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    return json.loads(done.stdout)["diagnostics"]


def site_file(tables):
    """A file with these keys: {(table, key): value as TOML}."""
    out = ""
    for table in dict.fromkeys(table for table, _ in tables):
        out += f"[[{table}]]\n" if table in ("route", "process", "cron") else f"[{table}]\n"
        out += "".join(f"{key} = {value}\n" for (owner, key), value in tables.items() if owner == table)
    return out


def test_every_key_that_the_parser_reads_is_in_the_reference():
    sources = read_by_the_parser()
    assert set().union(*(tables for tables, _ in sources.values())) == {table for table, _ in documented()}
    for name, (tables, keys) in sources.items():
        assert keys == {key for table, key in documented() if table in tables}, name


def test_every_key_of_the_reference_is_known_in_its_table(tmp_path):
    messages = [found["message"] for found in check(tmp_path, site_file(dict.fromkeys(documented(), "1979-05-27")))]
    assert [message for message in messages if message.startswith("unknown")] == []
    assert any(message == "workers: expected a whole number, found a date or time" for message in messages)


def test_every_range_is_the_one_that_the_parser_enforces(tmp_path):
    ranges = {place: allowed for place, (kind, allowed) in documented().items()
              if kind in FAR_TOO_MUCH and " to " in allowed}
    assert len(ranges) > 15
    wrong = {place: FAR_TOO_MUCH[documented()[place][0]] for place in ranges}
    wrong["route", "files"] = '"."'  # without it there is nothing to cache
    messages = [found["message"] for found in check(tmp_path, site_file(wrong))]
    for (table, key), allowed in ranges.items():
        assert any(m.startswith(f"{key}: expected {allowed}, found ") for m in messages), f"[{table}] {key}: {allowed}"


def test_every_verb_is_in_the_reference():
    verbs = set(re.findall(r'^    \{"(\w+)", "[^"]', (ROOT / "src/main.cc").read_text(), re.M))
    assert {"run", "db"} <= verbs
    assert set(re.findall(r"^\| `trimaran (\w+)", REFERENCE, re.M)) == verbs


@pytest.mark.parametrize("example", [body for body in blocks(REFERENCE, "toml") if not body.startswith("# /etc")])
def test_every_example_is_a_good_file(tmp_path, example):
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    for name in FILES:
        (tmp_path / name).touch()
    assert check(tmp_path, example) == []


def test_the_example_of_several_sites_is_good(tmp_path):
    main, *sites = [body for body in blocks(REFERENCE, "toml") if body.startswith("# /etc")]
    (tmp_path / "blog/public").mkdir(parents=True)
    (tmp_path / "shop.env").write_text(blocks(REFERENCE, "sh")[0])
    (tmp_path / "sites").mkdir()
    for name, site in zip(("shop", "blog"), sites, strict=True):
        site = site.replace("/srv/", f"{tmp_path}/").replace("/etc/trimaran/", f"{tmp_path}/")
        (tmp_path / f"sites/{name}.toml").write_text(site)
    assert check(tmp_path, main) == []


def test_the_cpp_example_compiles_as_it_says(tmp_path):
    (tmp_path / "hello.cc").write_text(blocks(REFERENCE, "cpp")[0])
    command = next(line for line in blocks(REFERENCE, "sh")[1].splitlines() if line.startswith("g++"))
    command = command.partition("#")[0].replace("TRIMARAN", str(ROOT)).split() + ["-fsyntax-only"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_shows_the_example_as_it_is():
    assert blocks(README, "toml") == [(ROOT / "examples/foobar/trimaran.toml").read_text()]


@pytest.mark.parametrize("document", ["README.md", "docs/site-file.md"])
def test_every_link_leads_to_a_file(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
