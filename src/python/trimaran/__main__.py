"""`INTERPRETER .../python/trimaran` starts a worker."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if entry != here] + [os.path.dirname(here)]

from trimaran.worker import main  # noqa: E402

sys.exit(main())
