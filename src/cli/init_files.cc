// Short on purpose: a newcomer reads all of it before the first request. The whole example is examples/foobar.
#include "cli/init_files.h"

namespace trimaran {
namespace {

constexpr std::string_view kSiteFile = R"toml(# One file describes the site. `trimaran check` says whether it is good.

[site]
domain  = "example.test"
aliases = ["www.example.test", "localhost"]
address = ["127.0.0.1"]            # what the name server answers; the public address on a real server
root    = "public"                 # static files, tried first

[app]
run     = "wsgi:wsgi:application"  # the callable `application` in wsgi.py
workers = 2

[database]
engine  = "sqlite"                 # "mariadb" is a private server, run for you; wsgi.py must then be written for it

[listen]
http    = 8080
dns     = 5353
)toml";

constexpr std::string_view kApplication =
    R"py("""A small WSGI application: /hello counts its visits in the site's database."""

import contextlib
import os
import sqlite3

# Trimaran says where the database is: sqlite:////absolute/path.
URL = os.environ["DATABASE_URL"]
if not URL.startswith("sqlite:"):
    raise SystemExit("this wsgi.py speaks to SQLite only; for MariaDB connect with PyMySQL to what DATABASE_URL says")
DATABASE = URL.removeprefix("sqlite:///")


def connect():
    return contextlib.closing(sqlite3.connect(DATABASE, timeout=5, isolation_level=None))


with connect() as database:
    database.execute("CREATE TABLE IF NOT EXISTS visits (page TEXT PRIMARY KEY, count INTEGER NOT NULL)")


def count_visit(page):
    with connect() as database:
        row = database.execute(
            "INSERT INTO visits VALUES (?, 1) ON CONFLICT (page) DO UPDATE SET count = count + 1 RETURNING count",
            (page,),
        ).fetchone()
    return row[0]


def application(environ, start_response):
    if environ["PATH_INFO"] == "/hello":
        status, text = "200 OK", f"Hello! Visit number {count_visit('/hello')}.\n"
    else:
        status, text = "404 Not Found", "There is no page at this address.\n"
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
)py";

constexpr std::string_view kHomePage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A new site</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>It works.</h1>
<p>This page is <code>public/index.html</code>, a static file. The application in <code>wsgi.py</code> answers at
<a href="/hello">/hello</a> and counts its visits in a database.</p>
</main>
</body>
</html>
)html";

constexpr std::string_view kStyle = R"css(:root { color-scheme: light dark; }

body {
  display: grid;
  min-height: 100vh;
  margin: 0;
  place-items: center;
  font: 1.1rem/1.6 system-ui, sans-serif;
}

main { max-width: 34rem; padding: 2rem; }
h1 { font-size: 2.6rem; line-height: 1.1; }
code { font-size: 0.95em; }
a { color: #0a7ea4; }
)css";

// The database of a first try is nothing to commit.
constexpr std::string_view kGitIgnore = ".trimaran/\n__pycache__/\n";

constexpr InitFile kFiles[] = {
    {"trimaran.toml", kSiteFile}, {"wsgi.py", kApplication},        {"public/index.html", kHomePage},
    {"public/style.css", kStyle}, {".gitignore", kGitIgnore, true},
};

}  // namespace

std::span<const InitFile> init_files() { return kFiles; }

}  // namespace trimaran
