"""Trimaran's worker for Python applications. Applications need nothing from here: they are plain WSGI or ASGI."""
