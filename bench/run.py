#!/usr/bin/env python3
"""./dev bench [case ...]: Trimaran beside its peers in the same run, interleaved; tables go to bench/results.md."""
import argparse
import datetime
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402

RESULTS = os.path.join(peers.HERE, "results.md")


def sections(text):
    """The document as {heading: section}, so that one case can be run again without losing the others."""
    parts = re.split(r"(?m)^## ", text)
    return {part.splitlines()[0]: part.split("\n", 1)[1] for part in parts[1:]}


def save(heading, text):
    old = sections(open(RESULTS).read()) if os.path.exists(RESULTS) else {}
    old[heading] = "\n" + text + "\n"
    with open(RESULTS, "w") as f:
        f.write("# Results of `./dev bench`\n\nRatios travel between machines, absolute figures do not. Servers are"
                " pinned to one core, load generators to another; medians of interleaved rounds.\n\n")
        for case in cases.ALL.values():
            if case.heading in old:
                f.write(f"## {case.heading}\n" + old[case.heading].rstrip() + "\n\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="*", choices=[[], *cases.ALL], default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for name in options.case or cases.ALL:
        case = cases.ALL[name]
        print(f"== {name}: {case.heading}", flush=True)
        text = case.run(options.rounds, options.seconds)
        stamp = f"{datetime.date.today()}, {measure.machine()}. `./dev bench {name}`\n\n"
        save(case.heading, stamp + text)
        print(text, flush=True)
    print(f"written to {os.path.relpath(RESULTS)}")


if __name__ == "__main__":
    main()
