"""Runs commands and says what each cost: wall time, processor time, peak memory, bytes written."""

import marshal
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass
class Cost:
    """What a command, or several in a row, cost."""

    wall: float = 0.0  # seconds
    cpu: float = 0.0  # seconds, user and system
    peak: int = 0  # bytes of resident memory
    written: int = 0  # bytes that went to a disk or will go there

    def plus(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak), self.written + other.written)


class Launcher:
    """Runs commands one at a time, in a small process of its own (see launch.py), and says what each cost."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.output = os.path.join(folder, "output")
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch.py")
        self.child = subprocess.Popen([sys.executable, "-I", "-S", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, command, folder=None, ends=0):
        """Runs a command to its end; another exit code than the expected one ends the benchmark."""
        marshal.dump((list(command), folder or self.folder, self.environment, self.output), self.child.stdin)
        self.child.stdin.flush()
        code, wall, cpu, peak, blocks = marshal.load(self.child.stdout)
        if code != ends:
            sys.exit(f"bench: {' '.join(command)}\nended with {code}:\n{self.said()[-2000:]}")
        return Cost(wall, cpu, peak * 1024, blocks * 512)

    def said(self):
        """What the last command printed."""
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def run_all(self, commands):
        """Runs commands one after the other, as one cost."""
        total = Cost()
        for command in commands:
            total = total.plus(self.run(command))
        return total

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def settle():
    """Lets what was written before go to the disk, so that nobody pays for somebody else."""
    os.sync()


def median(costs):
    """The median of each figure for itself; of memory the highest, because that is a promise."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        max(cost.peak for cost in costs),
        int(statistics.median(cost.written for cost in costs)),
    )


def alternate(rounds, *sides):
    """Runs both sides in each round, in turns the one and the other first; the medians in the order of the sides.

    Each side is a function of the round's number that gives a cost."""
    costs = [[] for _ in sides]
    for number in range(rounds):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            settle()
            costs[side].append(sides[side](number))
    return [median(side) for side in costs]


@dataclass
class Line:
    """One figure with its aim."""

    what: str
    value: float
    unit: str
    aim: str
    met: bool
    detail: str = ""


@dataclass
class Report:
    """All figures of a run."""

    machine: dict
    lines: list = field(default_factory=list)

    def times(self, what, ours, theirs, peer, aim):
        """Says how many times as fast as a peer something is."""
        times = theirs.wall / ours.wall
        detail = f"{ours.wall:.2f} s against {theirs.wall:.2f} s"
        self.lines.append(Line(what, round(times, 2), "×", f"≥ {aim}", times >= aim, detail))
        print(f"{what}: {times:.1f} times as fast as {peer} (aim: {aim})  [{detail};"
              f" processor {ours.cpu:.2f} s against {theirs.cpu:.2f} s]", flush=True)

    def at_most(self, what, value, unit, aim, detail=""):
        """Says how a value keeps to its ceiling."""
        self.say(Line(what, significant(value), unit, f"≤ {aim}", value <= aim, detail), f" (aim: at most {aim})")

    def at_least(self, what, value, unit, aim, detail=""):
        """Says how a value reaches its floor."""
        self.say(Line(what, significant(value), unit, f"≥ {aim}", value >= aim, detail), f" (aim: at least {aim})")

    def tell(self, what, value, unit, detail=""):
        """Says a value that has no aim."""
        self.say(Line(what, significant(value), unit, "", True, detail))

    def say(self, line, aim=""):
        self.lines.append(line)
        detail = f"  [{line.detail}]" if line.detail else ""
        print(f"{line.what}: {line.value:g} {line.unit}".rstrip() + aim + detail, flush=True)

    def table(self):
        """The figures as a table for the README."""
        rows = [("what", "figure", "aim", "")]
        for line in self.lines:
            shown = f"{line.value:g} {line.unit}".strip()
            note = line.detail if line.met else f"missed; {line.detail}".rstrip("; ")
            rows.append((line.what, shown, line.aim, note))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        text = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
        rule = "|".join("-" * (width + 2) for width in widths)
        return "\n".join([f"| {text[0]} |", f"|{rule}|", *(f"| {row} |" for row in text[1:])])


def significant(value):
    """Three digits say all that is known."""
    return float(f"{value:.3g}")


def machine():
    """What the figures were taken on, as far as it matters."""
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for row in info:
            if row.startswith("model name"):
                model = row.split(":", 1)[1].strip()
                break
    return {"cores": len(os.sched_getaffinity(0)), "processor": model, "load": round(os.getloadavg()[0], 2)}
