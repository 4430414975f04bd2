"""The database behind DATABASE_URL: SQLite or MariaDB, with one connection for each thread.

Both engines are used in autocommit mode: each statement is a transaction of its own. What differs between them is kept
here: how to connect, the types of columns, and what a fault means for the statement that met it.
"""

import sqlite3
import threading
import time
import urllib.parse

CONNECT_S_MAX = 5  # for a lock of SQLite, or for MariaDB to accept
STATEMENT_S_MAX = 30

TABLES = {
    "posts": ("title {short} NOT NULL", "body TEXT NOT NULL"),
    "products": ("name {short} NOT NULL", "price_cents {number} NOT NULL"),
    "users": ("name {short} NOT NULL", "email {short} NOT NULL"),
}


class Unavailable(Exception):
    """The database did not answer, or refused; a statement that writes has written nothing."""


class ConnectionLost(Unavailable):
    """The connection was gone before the statement could be carried out: a new one may be tried."""


class OutcomeUnknown(Exception):
    """The connection broke after a write was sent: it may be stored or not."""


def create_statements(key, number, short, options=""):
    for table, columns in TABLES.items():
        listed = ", ".join(columns).format(number=number, short=short)
        yield f"CREATE TABLE IF NOT EXISTS {table} (id {key}, {listed}, created {number} NOT NULL){options}"


class Sqlite:
    """A file, shared by all workers; readers never wait, writers wait for each other."""

    create = list(create_statements("INTEGER PRIMARY KEY", "INTEGER", "TEXT"))

    def __init__(self, url):
        # sqlite:////absolute/path
        self.path = urllib.parse.unquote(url.path)[1:]

    def connect(self):
        try:
            connection = sqlite3.connect(self.path, timeout=CONNECT_S_MAX, isolation_level=None)
            self.use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")  # WAL's default may lose the last writes with the power
            return connection
        except sqlite3.DatabaseError as error:
            raise Unavailable(error) from error

    @staticmethod
    def use_wal(connection):
        # The one statement for which SQLite does not wait: two that change a new file at once would block each other.
        deadline = time.monotonic() + CONNECT_S_MAX
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def run(self, connection, statement, values, writes):
        try:
            return connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise Unavailable(error) from error


class Mariadb:
    """A server on a unix socket that knows us by our user, without a password."""

    create = list(create_statements("BIGINT AUTO_INCREMENT PRIMARY KEY", "BIGINT", "VARCHAR(200)",
                                    " ENGINE=InnoDB CHARACTER SET utf8mb4"))

    def __init__(self, url):
        # mysql://USER@localhost/DATABASE?unix_socket=/absolute/path
        import pymysql  # only a site on MariaDB needs it

        self.pymysql = pymysql
        self.faults = (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError)
        self.options = {
            "unix_socket": urllib.parse.parse_qs(url.query)["unix_socket"][0],
            "user": urllib.parse.unquote(url.username or ""),
            "password": urllib.parse.unquote(url.password or ""),
            "database": urllib.parse.unquote(url.path)[1:],
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": CONNECT_S_MAX,
            "read_timeout": STATEMENT_S_MAX,
            "write_timeout": STATEMENT_S_MAX,
        }

    def connect(self):
        try:
            return self.pymysql.connect(**self.options)
        except self.faults as error:
            raise Unavailable(error) from error

    def run(self, connection, statement, values, writes):
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement.replace("?", "%s"), values)
                return cursor.fetchall()
        except self.faults as error:
            raise self.meaning(error, writes) from error

    def meaning(self, error, writes):
        codes = self.pymysql.constants.CR
        if error.args[0] == codes.CR_SERVER_LOST:  # 2013: it was sent, and no answer came
            return OutcomeUnknown(error) if writes else ConnectionLost(error)
        if error.args[0] == codes.CR_SERVER_GONE_ERROR:  # 2006: it could not be sent, so nothing was carried out
            return ConnectionLost(error)
        return Unavailable(error)


class Database:
    """Statements with `?` for values, on this thread's connection."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        engines = {"sqlite": Sqlite, "mysql": Mariadb}
        if parts.scheme not in engines:
            raise ValueError(f"DATABASE_URL is neither sqlite: nor mysql: but {parts.scheme!r}:")
        self.engine = engines[parts.scheme](parts)
        self.mine = threading.local()
        self.has_tables = False

    def read(self, statement):
        """All rows."""
        return self.with_new_connection_if_lost(statement, (), writes=False)

    def write(self, statement, values):
        """Stores, or raises Unavailable (nothing was stored) or OutcomeUnknown (never to be repeated blindly)."""
        self.with_new_connection_if_lost(statement, values, writes=True)

    def with_new_connection_if_lost(self, statement, values, writes):
        try:
            return self.run(statement, values, writes)
        except ConnectionLost:  # the server was restarted, say
            return self.run(statement, values, writes)

    def run(self, statement, values, writes):
        connection = self.connection()
        try:
            return self.engine.run(connection, statement, values, writes)
        except Exception:
            self.mine.connection = None  # its state is unknown; the next statement gets a new one
            connection.close()
            raise

    def connection(self):
        connection = getattr(self.mine, "connection", None)
        if connection is None:
            connection = self.engine.connect()
            self.create_tables(connection)
            self.mine.connection = connection
        return connection

    def create_tables(self, connection):
        if self.has_tables:
            return
        for statement in self.engine.create:
            self.engine.run(connection, statement, (), writes=False)
        self.has_tables = True
