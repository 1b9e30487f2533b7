"""Writes ``docs/benchmarks.md`` and its charts from ``docs/benchmarks.json`` and nothing else.

    python -m benchmarks.publish docs

A figure that the run did not print is on no page that this writes.
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
# Benchmarks

tagodev compared with ten other clients, and its performance targets.
`nox -s bench` measured everything in one run and wrote this page from
[benchmarks.json](benchmarks.json).
Windows are shorter than TagoIO's minute, so that the run ends within the hour: compare what happens
in a window, not seconds.
"""

_COMPARED: Final = """\
## Comparison with other clients

Each client does each job in its own process, on its own emulator, and starts at the same phase of a
window.
The results it reports are compared with what the service counted and holds.

- *seconds*: from the first request to the last answer; *ratio*: these seconds divided by the time
  of an ideal client that knows everything and sends at tagodev's rate without limits.
  A client that gives up rows can be faster than the ideal; if nothing has to wait for a window, the
  ratio means little.
- *429s*: requests that the service rejected.
- *created*: devices on the service at the end; *reported*: those that the client returned with
  their token; *missing*: rows without a device; *duplicates*: devices beyond the first of their
  row; *tokens lost*: devices whose token the client does not have.
- *lost*: rows that are not done at the end, as the client reports or as the service shows.
- *CPU*: of the client's process, in microseconds per request; *memory*: its peak resident memory in
  MB, including imports.
- *the other client got*: requests accepted of those that another client sent evenly, from one
  window before the start; the first windows count too, when it has not been detected yet.
"""

_FLEET: Final = """\
## Simulation of a fleet

In virtual time, with the real scheduler and models of the service, the network and the store: every
profile edits its {devices:,} devices at 2,000 per minute, with two processes that share its limits
through a store.
*Budget use* is measured over the windows in which both processes had work from beginning to end;
*CPU* includes the models.
"""


def page(found: Mapping[str, Any]) -> str:
    """Return the page of the results.

    Args:
        found: what `benchmarks.__main__.run` returned.
    """
    parts = [_INTRODUCTION]
    if found["quick"]:
        parts.append("**A quick run with small jobs: its figures are not representative.**\n")
    parts += ["\n".join(_machine(found)), "\n".join(_figures(found["figures"])), _COMPARED]
    for scenario in found["compared"]["scenarios"]:
        parts.append("\n".join(_scenario(scenario, found["compared"])))
    fleet = found["fleet"]
    parts += [_FLEET.format(devices=fleet["devices"]), "\n".join(_fleet(fleet["sizes"]))]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table whose first column is text, and the others figures."""
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
    yield f"The run took {minutes:.0f} minutes."
    yield f"Without limits tagodev creates {rate:,.0f} devices per second here.\n"


def _figures(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    met = sum(figure["met"] for figure in figures)
    yield "## Performance targets\n"
    yield f"{met} of {len(figures)} targets are met.\n"
    yield from _table(
        ("what", "target", "measured", "met", "program"),
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
        yield f"Faults of creations: {faults}."
    yield f"\n![{scenario['title']}](charts/{key}.svg)\n"
    neighbour = bool(scenario["neighbour"])
    head = [
        "",
        "seconds",
        "ratio",
        "429s",
        "created",
        "reported",
        "missing",
        "duplicates",
        "tokens lost",
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
        ("profiles", "requests", "rejected", "full windows", "budget use", "CPU per request, us"),
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
                label=f"{one['ratio']:.2f} of ideal, {one['rejected']:,} rejected",
            )
            for one in compared["results"]
            if one["scenario"] == key
        ]
        head = f"{scenario['title'].capitalize()}: outcomes of {scenario['rows']:,} rows"
        yield f"{key}.svg", draw(head, ("done", "lost", "duplicates"), bars)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write page and charts into the folder that holds the results."""
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
