"""The state machine whose rules append ops to a plan. Nothing is executed while it draws, and no draw asks a server.

For pytest::

    class MyHub(HubMachine):
        target = Target.load("hubfuzz.toml")

        @rule()
        def two_tabs_greet(self) -> None:
            for _ in range(2):
                tab = self.draft.new("c")
                self.add(Open(conn=tab, user="u0"))
                self.add(Send(conn=tab, msg=self.draft.new("m")))

        @invariant()
        def few_ops(self) -> None:
            assert self.plan().size() < 200

    TestMyHub = MyHub.TestCase

Rules only append ops. The finished plan is handed to ``finish`` at the end of each test case, which executes it
against the target and raises a ``HubFailure`` if the hub broke an invariant; ``Vacuous`` comes at the end of all, if
nothing was exercised.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec.structs import replace

from fuzzer.plan import Batch, Op, Plan, Separator
from fuzzer.plan_rules import kind_of, normalise
from strategies import strokes
from strategies.choice import Draw
from strategies.draft import Draft
from strategies.opening import MOST_STROKES, Opening, draw_opening
from strategies.pairs import racing_pairs
from strategies.season import season
from strategies.shape import Shape, TargetLike, shape_of_target

STEPS = MOST_STROKES + 1


@st.composite
def _openings(draw: DrawFn) -> Opening:
    machine: HubMachine = draw(st.runner())
    return draw_opening(Draw(draw), machine.draft.fork())


@st.composite
def _stroke(draw: DrawFn, stroke: strokes.Stroke) -> tuple[Batch, ...]:
    machine: HubMachine = draw(st.runner())
    return machine.draw_stroke(stroke, Draw(draw))


def batches_of(stroke: strokes.Stroke) -> SearchStrategy[tuple[Batch, ...]]:
    """What a rule of a ``HubMachine`` draws: the batches of this stroke, fitting to the plan so far."""
    return _stroke(stroke)


class HubMachine(RuleBasedStateMachine):
    """Draws a plan. ``target`` or ``shape`` say what it may contain; ``runner`` is what executes it, if anything."""

    target: ClassVar[TargetLike | None] = None
    shape: ClassVar[Shape | None] = None
    runner: ClassVar[Callable[[Plan], None] | None] = None
    _runner_of: ClassVar[tuple[TargetLike, Callable[[Plan], None]] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give the ``TestCase`` of a subclass settings that fit; assign other ones as ever."""
        super().__init_subclass__(**kwargs)
        cls.TestCase.settings = settings(
            phases=(
                Phase.explicit,
                Phase.reuse,
                Phase.generate,
                Phase.shrink,
            ),  # to explain would be to run it all again
            deadline=None,
            suppress_health_check=list(HealthCheck),
            stateful_step_count=STEPS,
            report_multiple_bugs=False,  # else it goes on looking for others in the time that shrinking needs
        )

    def __init__(self) -> None:
        super().__init__()
        self.draft = Draft(shape=self._own_shape())
        self.last_plan: Plan | None = None
        self._strokes_done = 0

    def _own_shape(self) -> Shape:
        kind = type(self)
        return kind.shape or (shape_of_target(kind.target) if kind.target is not None else Shape())

    def add(self, op: Op, after: Separator | None = None) -> None:
        """Append an op: beside the last ones if it may stand there and ``after`` is None, else as a batch of its own.

        An op that cannot apply (its connection is gone, or was never opened) is left out of the finished plan.
        """
        last = self.draft.batches[-1] if self.draft.batches else None
        if last is None or after is not None or any(other.conn == op.conn for other in last.ops):
            self.draft.append(Batch(ops=(op,), after=after or "fence"))
            return
        self.draft.append(Batch(ops=(op,), after="instant"))
        self.draft.batches[-2:] = [replace(last, ops=(*last.ops, op))]

    def draw_stroke(self, stroke: strokes.Stroke, draw: Draw) -> tuple[Batch, ...]:
        """The batches of a stroke on top of the plan so far; none once the plan is long enough."""
        if self._strokes_done >= self.draft.strokes or not self.draft.unfinished():
            return ()
        return season(draw, self.draft, stroke(draw, self.draft.fork()))

    def _extend(self, batches: tuple[Batch, ...]) -> None:
        self._strokes_done += 1
        for batch in batches:
            self.draft.append(batch)

    @initialize(opening=_openings())
    def begin(self, opening: Opening) -> None:
        """Users, connections, rooms."""
        opening.begin(self.draft)

    @rule(batches=batches_of(strokes.race))
    def race(self, batches: tuple[Batch, ...]) -> None:
        """A racing pair."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.talk))
    def talk(self, batches: tuple[Batch, ...]) -> None:
        """Several send."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.mix))
    def mix(self, batches: tuple[Batch, ...]) -> None:
        """Anything by anybody."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.fail))
    def fail(self, batches: tuple[Batch, ...]) -> None:
        """One fails, the others go on."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.turn_over))
    def turn_over(self, batches: tuple[Batch, ...]) -> None:
        """Full, refused, one leaves, one enters."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.run_empty))
    def run_empty(self, batches: tuple[Batch, ...]) -> None:
        """All leave, one comes."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.reconnect))
    def reconnect(self, batches: tuple[Batch, ...]) -> None:
        """The same session again."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.hold))
    def hold(self, batches: tuple[Batch, ...]) -> None:
        """Opening handshakes that stop short, and go on."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.ask))
    def ask(self, batches: tuple[Batch, ...]) -> None:
        """A question who is present, when that is settled."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.pipeline))
    def pipeline(self, batches: tuple[Batch, ...]) -> None:
        """One connection that does not wait for answers."""
        self._extend(batches)

    @rule(batches=batches_of(strokes.flood))
    def flood(self, batches: tuple[Batch, ...]) -> None:
        """A stall with enough data behind it."""
        self._extend(batches)

    def plan(self) -> Plan:
        """The plan so far, without ops that cannot apply."""
        return normalise(self.draft.plan())

    def teardown(self) -> None:
        """Hand the plan over, unless Hypothesis is discarding this test case or a rule has failed."""
        __tracebackhide__ = True  # of pytest: what failed is the hub, and its text says how
        if sys.exc_info()[0] is not None:
            return
        plan = self.plan()
        if plan.batches:
            self.announce(plan)
            self.finish(plan)

    def announce(self, plan: Plan) -> None:
        """Tell Hypothesis' statistics (and HypoFuzz, as virtual branches) what the plan contains."""
        for label in sorted(racing_pairs(plan)):
            event(f"pair:{label}")
        for kind in sorted({kind_of(op) for op in plan.ops()}):
            event(f"op:{kind}")

    def finish(self, plan: Plan) -> None:
        """Called with every complete plan: executes it if there is a ``runner`` or a ``Target``; else keeps it."""
        __tracebackhide__ = True
        self.last_plan = plan
        if (runner := type(self).runner or type(self)._own_runner()) is not None:
            runner(plan)

    @classmethod
    def _own_runner(cls) -> Callable[[Plan], None] | None:
        """One for this class and its target, made with the first plan; its session ends with the ``TestCase``."""
        from fuzzer.target.model import Target

        if not isinstance(cls.target, Target):
            return None
        known = vars(cls).get("_runner_of")  # of this very class: a subclass has answers, and an end, of its own
        if known is None or known[0] != cls.target:
            from fuzzer.plan_runner import machine_runner

            runner = machine_runner(cls.target)
            cls.TestCase.addClassCleanup(runner.end)
            known = cls._runner_of = (cls.target, runner)
        return known[1]
