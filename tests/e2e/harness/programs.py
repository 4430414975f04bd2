"""Where the programs under test are. Started by root, their children become www-data, who may not enter a clone in a
private folder (root's home, mktemp -d); then a copy that everybody can reach is tested instead."""
import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path


def closed_to_others(folder):
    return any(not path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def programs():
    default = Path(__file__).resolve().parents[3] / "build/dev/bin"
    built = Path(os.environ.get("TRIMARAN_BIN", default)).resolve()
    if os.geteuid() != 0 or not (built / "trimaran").exists() or not closed_to_others(built):
        return built
    return stage(built)


@functools.cache
def stage(built):
    folder = Path(tempfile.mkdtemp(prefix="trimaran-stage-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for part in (built, built.parent / "python", built.parent / "examples"):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("*_test", "CMake*", "*.cmake"))
    return folder / built.name
