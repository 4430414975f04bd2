"""How a plain Python interpreter loads our extension in a build with AddressSanitizer: the runtime must come first. The
variables reach the workers, and only them, through the site's own [app] env_file."""
import functools
import subprocess


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@functools.cache
def worker_environment(programs):
    """The lines for the env_file; "" when the build in the folder `programs` has no AddressSanitizer."""
    module = programs.parent / "python/_trimaran.abi3.so"
    if "__asan_init" not in output("nm", "-D", "--undefined-only", module):
        return ""
    runtime = output("clang++-19", "-print-file-name=libclang_rt.asan-x86_64.so").strip()
    return f"LD_PRELOAD={runtime}\nASAN_OPTIONS=detect_leaks=0\n"
