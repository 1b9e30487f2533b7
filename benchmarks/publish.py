"""Writes ``docs/benchmarks.md`` and its charts from ``docs/benchmarks.json`` alone.

    python -m benchmarks.publish docs

The page contains no figure that the run did not print.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from benchmarks.bars import Bar, draw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["page"]

_US: Final = "tagodev"

_INTRODUCTION: Final = """\
# Measured

All of this was measured in one run of `nox -s bench`, and this page was written by it, from
[benchmarks.json](benchmarks.json).
Windows are shorter than TagoIO's minute so that the run ends within the hour: what happens in a
window is comparable, seconds are not.
"""

_COMPARED: Final = """\
## Beside its rivals

Each job is done by each rival, in a process of its own, on an emulator of its own, begun at the
same phase of a window.
What a rival claims is held against what the service counted and holds.

- *seconds*: from the first request to the last answer; *ratio*: that, divided by the time of a
  greedy client that knows everything, at the rate that tagodev reaches here without limits.
  Whoever gives rows up can be quicker than that; where nothing has to wait for a window, the ratio
  tells little.
- *429s*: requests that the service refused.
- *made*: devices on the service in the end; *reported*: those of them that the caller holds, with
  their tokens; *missing*: rows of which there is no device; *doubled*: devices beyond the first of
  their row; *unknown*: devices whose token nobody holds.
- *lost*: rows that are not done in the end, as the caller tells or as the service shows.
- *CPU*: of the rival's own process, in microseconds a request; *memory*: the most that was resident
  of it, in MB, with everything it imports.
- *the other client got*: what it asked for evenly, from a window before on, and what the service
  accepted of that, the first windows included, in which nobody has seen it yet.
"""

_FLEET: Final = """\
## A fleet, simulated

In virtual time, with the scheduler's own code and models of the service, the network and the way
to the store: every profile edits its {devices:,} devices at 2,000 a minute, by two processes that
share its limits through a store.
*Budget use* is over the windows in which both had work from beginning to end; *CPU* is that of
everything, models included.
"""


def page(found: Mapping[str, Any]) -> str:
    """Return the page of results."""
    parts = [_INTRODUCTION]
    if found["quick"]:
        parts.append("**A quick run, in small: its figures are worth little.**\n")
    parts += ["\n".join(_machine(found)), "\n".join(_figures(found["figures"])), _COMPARED]
    for scenario in found["compared"]["scenarios"]:
        parts.append("\n".join(_scenario(scenario, found["compared"])))
    fleet = found["fleet"]
    parts += [_FLEET.format(devices=fleet["devices"]), "\n".join(_fleet(fleet["sizes"]))]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table with one text column, followed by figures."""
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _machine(found: Mapping[str, Any]) -> Iterator[str]:
    facts = ", ".join(f"{name} {value}" for name, value in found["measured_with"].items())
    yield f"Measured with: {facts}."
    minutes = found["seconds"] / 60
    rate = found["compared"]["rate_without_limits"]
    yield f"The run took {minutes:.0f} minutes; without limits tagodev makes {rate:,.0f} devices a"
    yield "second here.\n"


def _figures(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    met = sum(figure["met"] for figure in figures)
    yield "## What tagodev is held to\n"
    yield f"{met} of {len(figures)} figures are met.\n"
    yield from _table(
        ("what", "wanted", "found", "met", "program"),
        (
            (
                figure["what"],
                figure["wanted"],
                figure["found"],
                "yes" if figure["met"] else "**no**",
                f"`{figure['program']}`",
            )
            for figure in figures
        ),
    )


def _scenario(scenario: Mapping[str, Any], compared: Mapping[str, Any]) -> Iterator[str]:
    key = scenario["key"]
    results = [one for one in compared["results"] if one["scenario"] == key]
    limits = ", ".join(f"`{route}` {limit:,}" for route, limit in scenario["limits"].items())
    yield f"### {scenario['title'].capitalize()}\n"
    yield f"{scenario['rows']:,} rows; limits of a window of {scenario['minute']:g} s: {limits}."
    if scenario["faults"]:
        faults = ", ".join(f"{name} {chance:.0%}" for name, chance in scenario["faults"].items())
        yield f"What goes wrong with creations: {faults}."
    yield f"\n![{scenario['title']}](charts/{key}.svg)\n"
    neighbour = bool(scenario["neighbour"])
    head = [
        "",
        "seconds",
        "ratio",
        "429s",
        "made",
        "reported",
        "missing",
        "doubled",
        "unknown",
        "lost",
    ]
    head += ["CPU", "memory"]
    if neighbour:
        head.append("the other client got")
    yield from _table(head, (_row(one, neighbour=neighbour) for one in results))
    for one in compared["unfinished"]:
        if one["scenario"] == key:
            yield f"{one['rival']}: {one['why']}.\n"


def _row(one: Mapping[str, Any], *, neighbour: bool) -> Sequence[str]:
    rival = f"**{one['rival']}**" if one["rival"].startswith(_US) else one["rival"]
    counts = ("rejected", "made", "reported", "missing", "doubled", "unknown_tokens", "lost")
    cells = [
        rival,
        f"{one['makespan']:.2f}",
        f"{one['ratio']:.2f}",
        *(f"{one[name]:,}" for name in counts),
    ]
    cells += [f"{one['cpu_us']:.0f}", f"{one['memory_mb']:.0f}"]
    if neighbour:
        cells.append(f"{one['neighbour_got']} of {one['neighbour_asked']}")
    return cells


def _fleet(sizes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _table(
        ("profiles", "requests", "rejected", "full windows", "budget use", "CPU a request, us"),
        (
            (
                f"{one['profiles']:,}",
                f"{one['requests']:,}",
                str(one["rejected"]),
                f"{one['full_windows']:,}",
                f"{one['use']:.2%}",
                f"{one['cpu_us']:.1f}",
            )
            for one in sizes
        ),
    )


def _charts(compared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and content of each scenario's chart: the outcomes of its rows."""
    for scenario in compared["scenarios"]:
        key = scenario["key"]
        bars = [
            Bar(
                name=one["rival"],
                parts=(one["rows"] - one["lost"], one["lost"], one["doubled"]),
                label=f"{one['ratio']:.2f} of ideal, {one['rejected']:,} refused",
            )
            for one in compared["results"]
            if one["scenario"] == key
        ]
        head = f"{scenario['title'].capitalize()}: what became of {scenario['rows']:,} rows"
        yield f"{key}.svg", draw(head, ("done", "lost", "made twice"), bars)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write page and charts into the folder of the results."""
    parser = argparse.ArgumentParser(
        prog="publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("docs", type=Path, nargs="?", default=Path("docs"), help="the folder")
    docs: Path = parser.parse_args(arguments).docs
    found = orjson.loads((docs / "benchmarks.json").read_bytes())
    (docs / "benchmarks.md").write_text(page(found), encoding="utf-8")
    (docs / "charts").mkdir(exist_ok=True)
    for name, drawing in _charts(found["compared"]):
        (docs / "charts" / name).write_text(drawing, encoding="utf-8")
    print(f"written: {docs / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
