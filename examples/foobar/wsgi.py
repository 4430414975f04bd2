"""foobar.com as a WSGI application: posts, products and users, each a list with a form that adds to it.

PAGES.md holds the contract (pages, forms, tables), which a C++ program fulfils as well. Standard library only, and
PyMySQL when the database is MariaDB. There is no framework here on purpose: the example shows what Trimaran asks of an
application, which is a WSGI callable and nothing else.
"""

import html
import os
import re
import time
import urllib.parse

from database import Database, OutcomeUnknown, Unavailable

FORM_BYTES_MAX = 64 * 1024
LIST_ROWS_MAX = 50
PRICE_CENTS_MAX = 10_000_000

STATUSES = {
    200: "200 OK", 303: "303 See Other", 404: "404 Not Found", 405: "405 Method Not Allowed",
    413: "413 Content Too Large", 415: "415 Unsupported Media Type", 422: "422 Unprocessable Content",
    503: "503 Service Unavailable",
}

FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · foobar.com</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a class="brand" href="/">foobar.com</a>
<nav aria-label="Main">
<a href="/">Home</a>
{links}</nav>
</header>
<main>
{main}</main>
<footer>
<p>Served by Trimaran.</p>
</footer>
</body>
</html>
"""

POST_FORM = """<form method="post" action="/posts">
<h2>Add a post</h2>
<label for="title">Title</label>
<input id="title" name="title" value="{title}" maxlength="200" required>
<label for="body">Text</label>
<textarea id="body" name="body" rows="5" maxlength="5000" required>{body}</textarea>
<button>Add</button>
</form>
"""

PRODUCT_FORM = """<form method="post" action="/products">
<h2>Add a product</h2>
<label for="name">Name</label>
<input id="name" name="name" value="{name}" maxlength="200" required>
<label for="price">Price</label>
<input id="price" name="price" value="{price}" inputmode="decimal" placeholder="12.50" maxlength="9" required>
<button>Add</button>
</form>
"""

USER_FORM = """<form method="post" action="/users">
<h2>Add a user</h2>
<label for="name">Name</label>
<input id="name" name="name" value="{name}" maxlength="200" required>
<label for="email">Email</label>
<input id="email" name="email" type="email" value="{email}" maxlength="200" required>
<button>Add</button>
</form>
"""

ARTICLE = """<article>
<h2>{head}</h2>
<p class="{kind}">{text}</p>
<footer>{time}</footer>
</article>
"""


class Field:
    """One input of a form: its name, its label and the rule it must keep."""

    def __init__(self, name, label, length_max=200):
        self.name, self.label, self.length_max = name, label, length_max

    def error(self, text):
        """What is wrong with a stripped value, or None."""
        if not text:
            return f"{self.label} must not be empty."
        if len(text) > self.length_max:
            return f"{self.label} must not be longer than {self.length_max} characters."
        return None

    def stored(self, text):
        """The value as it goes into the database."""
        return text


class PriceField(Field):
    """A price as people write it, kept as cents: floating point loses some of them."""

    def error(self, text):
        if not text:
            return f"{self.label} must not be empty."
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,2})?", text) or self.stored(text) > PRICE_CENTS_MAX:
            return f"{self.label} must be a number like 12.50, at most 100000.00."
        return None

    def stored(self, text):
        units, _, cents = text.partition(".")
        return int(units) * 100 + int(cents.ljust(2, "0"))


class EmailField(Field):
    """An address is proven by a mail to it, not by a pattern; this only catches the wrong box."""

    def error(self, text):
        return super().error(text) or (None if "@" in text else f"{self.label} must contain an @.")


class Page:
    """A list of rows of one table, newest first, and the form that adds one."""

    def __init__(self, table, form, fields, columns, show):
        self.table, self.title, self.form, self.fields = table, table.capitalize(), form, fields
        names = ", ".join(columns)
        self.select = f"SELECT {names}, created FROM {table} ORDER BY id DESC LIMIT {LIST_ROWS_MAX}"
        self.insert = f"INSERT INTO {table} ({names}, created) VALUES (?, ?, ?)"
        self.show = show

    def render(self, database, values=None, errors=()):
        values = values or {field.name: "" for field in self.fields}
        form = self.form.format(**{name: html_text(text) for name, text in values.items()})
        return f"<h1>{self.title}</h1>\n{error_list(errors)}{form}{self.render_list(database.read(self.select))}"

    def render_list(self, rows):
        if not rows:
            return '<p class="empty">Nothing here yet.</p>\n'
        items = "".join(self.render_item(*row) for row in rows)
        return f'<section class="list" aria-label="{self.title}">\n{items}</section>\n'

    def render_item(self, head, second, created):
        kind, text = self.show(second)
        return ARTICLE.format(head=html_text(head), kind=kind, text=html_text(text), time=time_element(created))

    def add(self, database, values):
        row = [field.stored(values[field.name]) for field in self.fields]
        database.write(self.insert, (*row, int(time.time())))


PAGES = {
    "/posts": Page("posts", POST_FORM, [Field("title", "Title"), Field("body", "Text", 5000)],
                   ["title", "body"], lambda body: ("text", body)),
    "/products": Page("products", PRODUCT_FORM, [Field("name", "Name"), PriceField("price", "Price")],
                      ["name", "price_cents"], lambda cents: ("price", f"{cents // 100}.{cents % 100:02}")),
    "/users": Page("users", USER_FORM, [Field("name", "Name"), EmailField("email", "Email")],
                   ["name", "email"], lambda email: ("email", email)),
}


def html_text(text):
    return html.escape(text).replace("&#x27;", "&#39;")


def time_element(created):
    moment = time.gmtime(created)
    return time.strftime('<time datetime="%Y-%m-%dT%H:%M:%SZ">%Y-%m-%d %H:%M UTC</time>', moment)


def error_list(errors):
    if not errors:
        return ""
    items = "".join(f"<li>{html_text(error)}</li>\n" for error in errors)
    return f'<ul class="errors" role="alert">\n{items}</ul>\n'


def frame(path, title, main):
    links = ""
    for link, page in PAGES.items():
        current = ' aria-current="page"' if link == path else ""
        links += f'<a href="{link}"{current}>{page.title}</a>\n'
    return FRAME.format(title=title, links=links, main=main)


def read_form(body, fields):
    """The fields' values after normalisation, and the errors in the order of the fields."""
    # Latin-1 keeps every byte, so each value can be checked for UTF-8 by itself.
    pairs = urllib.parse.parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1",
                                   max_num_fields=FORM_BYTES_MAX)
    first = dict(reversed(pairs))
    values, errors = {}, []
    for field in fields:
        try:
            text = first.get(field.name, "").encode("latin-1").decode("utf-8")
        except UnicodeError:
            text = "\0"
        if "\0" in text:
            values[field.name] = ""
            errors.append(f"{field.label} is not valid text.")
            continue
        text = text.replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n")
        values[field.name] = text
        if error := field.error(text):
            errors.append(error)
    return values, errors


class Reply(Exception):
    """An answer that ends the request where it is raised: an error page."""

    def __init__(self, status, title, text, headers=()):
        super().__init__(title)
        self.status, self.title, self.text, self.headers = status, title, text, list(headers)

    def main(self):
        return f"<h1>{self.title}</h1>\n<p>{self.text}</p>\n"


def wrong_method(allowed):
    return Reply(405, "Method not allowed", "This page cannot be used that way.", [("Allow", allowed)])


def read_body(environ):
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Reply(415, "Not a form", "This page takes only forms.")
    # A chunked body has no length; a server that ends the input where the body ends says so.
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not length and environ.get("wsgi.input_terminated"):
        length = FORM_BYTES_MAX + 1
    body = environ["wsgi.input"].read(min(length, FORM_BYTES_MAX + 1))
    if len(body) > FORM_BYTES_MAX:
        raise Reply(413, "Too long", "The form is longer than 64 KiB.")
    return body


HTML = ("Content-Type", "text/html; charset=utf-8")
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
RETRY = ("Retry-After", "2")


class Application:
    """The WSGI callable. It keeps nothing between requests but connections, so any number of workers may run it."""

    def __init__(self, database):
        self.database = database

    def __call__(self, environ, start_response):
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        try:
            status, headers, text = self.answer(path, method, environ)
        except Reply as reply:
            status, headers, text = reply.status, [HTML, *reply.headers], frame("", reply.title, reply.main())
        body = text.encode()
        headers += [("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response(STATUSES[status], headers)
        return [body]

    def answer(self, path, method, environ):
        if path == "/healthz":
            return self.health(method, environ)
        page = PAGES.get(path)
        if page is None:
            raise Reply(404, "Not found", "There is no page at this address.")
        if method not in ("GET", "HEAD", "POST"):
            raise wrong_method("GET, HEAD, POST")
        try:
            if method == "POST":
                return self.add(path, page, environ)
            return 200, [HTML], frame(path, page.title, page.render(self.database))
        except OutcomeUnknown as error:
            log(environ, error)
            raise Reply(503, "Perhaps stored", "The connection to the database broke while your entry was being "
                        "stored. Please look at the list before you send it again.", [RETRY]) from error
        except Unavailable as error:
            log(environ, error)
            raise Reply(503, "Database unavailable", "The database did not answer. Please try again in a moment.",
                        [RETRY]) from error

    def add(self, path, page, environ):
        values, errors = read_form(read_body(environ), page.fields)
        if errors:
            return 422, [HTML], frame(path, page.title, page.render(self.database, values, errors))
        page.add(self.database, values)
        return 303, [HTML, ("Location", path)], ""

    def health(self, method, environ):
        if method not in ("GET", "HEAD"):
            raise wrong_method("GET, HEAD")
        try:
            # A real row: a database that cannot serve still answers SELECT 1.
            self.database.read("SELECT id FROM posts ORDER BY id DESC LIMIT 1")
        except Unavailable as error:
            log(environ, error)
            return 503, [PLAIN], "database unavailable\n"
        return 200, [PLAIN], "ok\n"


def log(environ, error):
    print(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO')}: {error}", file=environ["wsgi.errors"])


# Nothing connects before the first request, so the site starts while its database is still starting.
application = Application(Database(os.environ["DATABASE_URL"]))
