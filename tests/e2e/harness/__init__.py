"""What the end-to-end tests are written with. Where to look for what:

    trimaran.py   the daemon under test: start, readiness by evidence, logs, status, stop, kill -9
    site.py       the folder of a site and its trimaran.toml
    raw_http.py   an HTTP/1.1 client that sends exactly the bytes it is told to
    load.py       constant load that records every request without its whole right answer
    strict_load.py  the same in C++ (bench/strict_load.cc), for thousands of requests a second, WebSockets and DNS
    programs.py   where the programs under test are
    asan.py       workers in a build with AddressSanitizer
    proc.py       what /proc knows: members of a session, descendants, CPU time, memory
    wait.py       the only place that polls
"""
from .load import SteadyLoad
from .proc import cpu_us, descendants, kernel_tcp_kib, resident_kib
from .raw_http import RawHttp, Response
from .site import free_port
from .strict_load import StrictLoad, run_load
from .trimaran import Trimaran, dig
from .wait import PATIENCE_SECONDS, eventually

__all__ = ["PATIENCE_SECONDS", "RawHttp", "Response", "SteadyLoad", "StrictLoad", "Trimaran", "cpu_us", "descendants",
           "dig", "eventually", "free_port", "kernel_tcp_kib", "resident_kib", "run_load"]
