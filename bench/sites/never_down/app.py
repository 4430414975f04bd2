"""The application of the never-down runs, for WSGI. Every answer holds the number of its request and the release that
gave it, so that a wrong, stale or doubled one is seen. The file `release` beside it says which release this is."""
import os
import threading
import time
import urllib.parse
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "release")) as release_file:
    RELEASE = release_file.read().strip()
SECONDS_OF_WORK = 0.020
LEAK_BYTES = 4 << 20
leaked = []


def read_body(environ):
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def work(query, environ):
    """A page that waits 20 ms for something, as most pages do."""
    time.sleep(SECONDS_OF_WORK)
    return f"{query['id']} {RELEASE}\n"


def count(query, environ):
    """A payment: the counter gets one line each time this runs, so that a second execution would be seen."""
    number = read_body(environ).decode()
    counter = os.open(os.environ["COUNTER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(counter, f"{number}\n".encode())
    os.close(counter)
    time.sleep(SECONDS_OF_WORK)
    return f"{number} {RELEASE}\n"


def upload(query, environ):
    body = read_body(environ)
    return f"{len(body)} {zlib.crc32(body)}\n"


def hang(query, environ):
    threading.Event().wait()


def leak(query, environ):
    leaked.append(bytearray(os.urandom(1024)) * (LEAK_BYTES // 1024))
    return f"{query['id']} {RELEASE}\n"


def visit(query, environ):
    """Writes a row and reads it back, on a connection of its own. The same request again changes nothing."""
    import pymysql
    url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    connection = pymysql.connect(user=url.username, database=url.path[1:], autocommit=True,
                                 unix_socket=urllib.parse.parse_qs(url.query)["unix_socket"][0])
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (id BIGINT PRIMARY KEY)")
        cursor.execute("REPLACE INTO visits VALUES (%s)", (query["id"],))
        cursor.execute("SELECT id FROM visits WHERE id = %s", (query["id"],))
        return f"{cursor.fetchone()[0]} {RELEASE}\n"


def health(query, environ):
    if RELEASE == "sick":
        raise RuntimeError("this release is sick")
    return f"healthy {RELEASE}\n"


PAGES = {"/work": work, "/count": count, "/upload": upload, "/hang": hang, "/leak": leak, "/visit": visit,
         "/healthz": health}


def application(environ, start_response):
    query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
    try:
        text, status = PAGES[environ["PATH_INFO"]](query, environ), "200 OK"
    except Exception as error:
        text, status = f"{type(error).__name__}: {error}\n", "500 Internal Server Error"
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
