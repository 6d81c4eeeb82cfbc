"""How fast hubfuzz is: its connections against plain trio-websocket and raw sockets, in one run.

``python -m tests.benchmarks.speed [--write README.md]`` prints a Markdown table. All sides drive the same scenario
against one server process in turns, so that only the ratios of one table mean anything.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
from collections.abc import Callable
from pathlib import Path

import trio

from fuzzer.hub.target import embedded_target
from tests.benchmarks import client_hubfuzz, client_raw, client_trio_websocket
from tests.benchmarks.processes import listening
from tests.benchmarks.runs import Run as Plans
from tests.benchmarks.runs import run_plans
from tests.benchmarks.scenario import Result, Slice
from tests.benchmarks.tables import table, write_between_markers

Run = Callable[[int, float], Slice]

HAS_PICOWS = importlib.util.find_spec("picows") is not None
RAW = "blocking raw sockets, bytes framed beforehand"
CLIENTS: dict[str, Run] = {
    RAW: client_raw.run,
    "the same, handshakes side by side": client_raw.run_side_by_side,
    "**hubfuzz's connections**": client_hubfuzz.run,
    "trio-websocket as it is": client_trio_websocket.run,
}
WARM_UP = 0.2
NO_PICOWS = (
    "picows is not installed, so the server is one on the websockets library; it takes longer than the clients and "
    "hides what they differ by (pip install picows)"
)


def measure(port: int, rounds: int, seconds: float) -> dict[str, Result]:
    """All clients in turns; each round begins with another one."""
    slices: dict[str, list[Slice]] = {name: [] for name in CLIENTS}
    for run in CLIENTS.values():
        run(port, WARM_UP)
    names = list(CLIENTS)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            slices[name].append(CLIENTS[name](port, seconds))
    return {name: Result.of(some) for name, some in slices.items()}


def scenario_table(results: dict[str, Result]) -> str:
    """Rows in the order of ``CLIENTS``; the ratio is of scenarios per second."""
    bound = results[RAW].rate
    rows = [
        [name, f"{r.rate:.0f}", f"{r.p50 * 1000:.2f}", f"{r.cpu * 1000:.2f}", f"{r.rate / bound:.0%}"]
        for name, r in results.items()
    ]
    return table(["client", "scenarios/s", "p50 ms", "client CPU ms", "to raw"], rows)


def plans_table(run: Plans) -> str:
    """One campaign without its fronts: how many plans, and where the time goes."""
    shares = [f"{part / run.seconds:.0%}" for part in (run.generating, run.driving, run.judging)]
    cells = ["embedded", f"{run.plans / run.seconds:.1f}", f"{run.ops / run.seconds:.0f}", *shares]
    return table(["hub", "plans/s", "ops/s", "generating", "driving", "judging"], [cells])


def report_plans(seconds: float) -> str:
    """Draw, execute and judge plans on the embedded hub."""
    run = trio.run(run_plans, embedded_target(), 0, lambda run: run.seconds >= seconds)
    intro = (
        f"Plans on the embedded hub, a process of its own, for {seconds:g} s. *Driving* is all the time from a plan to "
        "its history: the server's work, and every wait until the hub is quiet, are in it."
    )
    return f"{intro}\n\n{plans_table(run)}"


def report_scenario(options: argparse.Namespace) -> str:
    """The scenario with every client."""
    server = "picows" if HAS_PICOWS else "websockets"
    with listening(f"tests.benchmarks.fanout_{server}") as port:
        results = measure(port, options.rounds, options.seconds)
    intro = (
        "Five connections of one user open, one sends ten broadcasts, all forty deliveries are awaited, two of them "
        f"drop by TCP reset, three close. One {server} server process; Python {platform.python_version()}; medians of "
        f"{options.rounds} rounds in which all clients take turns. Compare the ratios alone."
    )
    return f"{intro}\n\n{scenario_table(results)}"


def main() -> None:
    """Measure, print, and with ``--write`` put the table where it belongs."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each client has its turn")
    parser.add_argument("--seconds", type=float, default=0.8, help="how long a turn lasts")
    parser.add_argument("--plans", type=float, default=20, metavar="SECONDS", help="of whole plans; 0: none")
    parser.add_argument("--write", type=Path, metavar="README.md", help="write between the speed markers of this file")
    options = parser.parse_args()
    if not HAS_PICOWS:
        print(f"note: {NO_PICOWS}\n")
    parts = [report_scenario(options)]
    if options.plans:
        parts.append(report_plans(options.plans))
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        write_between_markers(options.write, "speed", text)


if __name__ == "__main__":
    main()
