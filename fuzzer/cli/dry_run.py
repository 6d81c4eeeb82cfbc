"""``hubfuzz run --dry-run``: no connection is made."""

from __future__ import annotations

from itertools import islice

from fuzzer.cli.options import RunOptions
from fuzzer.report.screen import Screen
from fuzzer.target.model import Target

SAMPLES = 3


def show(target: Target, options: RunOptions, seed: int) -> None:
    """Say what would be fuzzed, and draw three of the plans that this seed gives."""
    from fuzzer.invariants import INVARIANTS
    from fuzzer.report import dry_run as lines
    from fuzzer.scenarios import SCENARIOS
    from strategies.draw import draw_plans
    from strategies.shape import shape_of_target
    from strategies.untried import untried

    screen = Screen()
    only = options.codes(options.invariant, "--invariant")
    skip = options.codes(options.skip, "--skip")
    chosen = options.scenario_names() or tuple(SCENARIOS)
    screen.say("Dry run: this is what would be fuzzed; no connection is made.")
    screen.say_all(lines.target_lines(target, screen.width))
    screen.say_all(lines.policy_lines(target.policy, screen.width))
    screen.say()
    screen.say_all(lines.invariant_lines(INVARIANTS, target.policy, only, skip, screen.width))
    screen.say_all(lines.untried_lines(untried(target), screen.width))
    screen.say()
    screen.say_all(lines.scenario_lines([SCENARIOS[name] for name in chosen], target, screen.width))
    plans = islice(draw_plans(shape_of_target(target), seed), SAMPLES)
    screen.say_all(lines.plan_lines(plans, screen.width, screen.glyphs))
    screen.say()
    screen.say(f"Seed {seed}")
