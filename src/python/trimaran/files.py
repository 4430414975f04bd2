"""wsgi.file_wrapper."""

import io


class FileWrapper:
    """Iterates over a file-like object in blocks; PEP 3333, "Optional Platform-Specific File Handling"."""

    def __init__(self, filelike, blksize=64 * 1024):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block

    def place(self):
        """(descriptor, offset) when read() would give the bytes as they lie in a file; otherwise None.

        A fileno() alone proves nothing: that of a GzipFile is the compressed file's."""
        filelike = self.filelike
        if type(filelike).__name__ == "_TemporaryFileWrapper":
            filelike = filelike.file
        buffered = type(filelike) in (io.BufferedReader, io.BufferedRandom)
        raw = filelike.raw if buffered else filelike
        if type(raw) is not io.FileIO:
            return None
        try:
            filelike.flush()  # what was written to a BufferedRandom
            return raw.fileno(), filelike.tell()
        except (OSError, ValueError):
            return None
