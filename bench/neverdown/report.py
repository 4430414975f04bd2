"""The rows as tables. They are kept in bench/never-down.json, so that one case can be run again without losing the
others; bench/never-down.md is written from that and never edited."""
import json
import os

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA, PAGE = os.path.join(BENCH, "never-down.json"), os.path.join(BENCH, "never-down.md")
HEADER = """# Never down: what failed while something changed

Written by `./dev bench never-down`; `bench/README.md` says how to read and repeat it. A request without its complete,
right answer has failed. Idle closes: keep-alive connections that the server closed without having said so. Gap: the
longest time between two good answers. Absolute times do not travel between machines; the counts should.

"""


def load():
    if not os.path.exists(DATA):
        return {}
    with open(DATA) as f:
        return json.load(f)


def failures(row):
    reasons = ", ".join(f"{count} {reason}" for reason, count in row["failures"].items())
    return f"**{row['failed']:,}** ({reasons})" if row["failed"] else "0"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n\n"


def case_table(rows):
    out = []
    for row in rows:
        note = "; ".join([row["note"]] * bool(row["note"]) + [f"**{what}**" for what in row["broken"] + row["slow"]])
        out.append([row["event"], row["server"], f"{row['attempted']:,}", failures(row), f"{row['idle_closes']:,}",
                    f"{row['p99_ms']:.1f}", f"{row['max_ms']:.0f}", f"{row['gap_ms']:.0f}", note])
    return table(["event", "server", "attempted", "failed", "idle closes", "p99 ms", "longest wait ms", "gap ms", ""],
                 out)


def summary(data, names, ours):
    """One line for each event: ours, and the peer that lost least."""
    def cell(row):
        idle = f" + {row['idle_closes']:,} idle closes" if row["idle_closes"] else ""
        return f"{row['failed']:,} / {row['attempted']:,}{idle}"
    lines = []
    for name in names:
        rows = data.get(name, {}).get("rows", [])
        for row in (row for row in rows if row["server"] == ours):
            others = sorted((other for other in rows if other["event"] == row["event"] and other["server"] != ours),
                            key=lambda other: (other["failed"], other["idle_closes"]))
            lines.append([row["event"], cell(row), "; ".join(f"{other['server']}: {cell(other)}" for other in others)])
    return table(["event", f"{ours}: failed / attempted", "peers"], lines)


def save(name, heading, stamp, rows, cases, ours):
    """`cases`: {name: heading} of all, in the order of the page."""
    data = load()
    data[name] = {"heading": heading, "stamp": stamp, "rows": [row.as_json() for row in rows]}
    with open(DATA, "w") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
    with open(PAGE, "w") as f:
        f.write(HEADER + summary(data, cases, ours))
        for case, title in cases.items():
            if case in data:
                f.write(f"## {title}\n\n{data[case]['stamp']}\n\n{case_table(data[case]['rows'])}")
