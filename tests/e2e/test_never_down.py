"""Nothing is lost in any change: the cases of `./dev bench never-down` in their small versions, ours only: seconds
instead of minutes, and no time decides."""
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))
from never_down import CASES, Scale  # noqa: E402


@pytest.mark.deadline(1200)
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost(name):
    rows = CASES[name].ours(Scale(small=True))
    assert rows
    broken = [f"{row.event}: {what}" for row in rows for what in row.broken]
    assert not broken, "\n".join(broken)
