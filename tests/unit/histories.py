"""Histories written by hand: ``H(policy).join("a", "b").send("m", "a").got("m", "b").history()``.

Every event is one millisecond after the last, unless time is let pass. Members belong to user ``u0`` unless said.
"""

from __future__ import annotations

from meant import meant
from told import faults

from fuzzer.history import (
    CloseInv,
    CloseLate,
    CloseOk,
    Control,
    Dlv,
    DropInv,
    Event,
    FaultEnd,
    FaultInv,
    Frame,
    History,
    Joined,
    Lag,
    Named,
    OpenInv,
    OpenOk,
    OpenRej,
    Phase,
    Present,
    Probe,
    QueryInv,
    Quiet,
    RejectedBy,
    Restarted,
    Role,
    SendInv,
    SendOk,
    ServerExit,
    ServerLog,
    ServerPaused,
    ServerResumed,
    SrvBad,
    SrvClose,
    SrvEof,
    SrvRst,
    StopInv,
    Stopped,
    Stray,
    SubInv,
    SubRej,
    TcpClosed,
    UnsubInv,
    UnsubOk,
)
from fuzzer.invariants import judge
from fuzzer.plan import AbandonKind, Batch, DropKind, Op, Plan, TokenKind
from fuzzer.policy import Policy

STEP = 0.001
CONTROL_EVERY = 0.1


class H:
    """Appends events; every method returns the builder."""

    def __init__(self, policy: Policy | None = None, *ops: Op) -> None:
        self.policy = policy or Policy()
        self.welcomes_count = True
        self.plan = Plan((Batch(ops),)) if ops else Plan(())
        self.events: list[Event] = []
        self.now = 0.0
        self._users: dict[str, str] = {}

    def history(self) -> History:
        """What has been written so far."""
        return History(tuple(self.events), meant(self.policy, self.events, self.welcomes_count), self.plan)

    def add(self, *kinds: type, **fields: object) -> H:
        """Any events of these kinds with the same fields."""
        for kind in kinds:
            self.now = round(self.now + STEP, 6)
            self.events.append(kind(t=self.now, **fields))
        return self

    def own(self, conn: str) -> str:
        """The group of a connection by itself."""
        return "all" if self.policy.group == "all" else f"user:{self._users[conn]}"

    # ---- opening -------------------------------------------------------------------------------------------------

    def open(
        self,
        *conns: str,
        user: str = "u0",
        session: str | None = None,
        token: TokenKind = "valid",
        role: Role = "plan",
        abandon: AbandonKind | None = None,
        expires: float | None = None,
    ) -> H:
        """Begin to connect; nothing is answered yet."""
        for conn in conns:
            self._users[conn] = user
            token = "brief" if expires is not None else token
            told = {"session": session, "token": token, "abandon": abandon, "expires": expires}
            self.add(OpenInv, conn=conn, user=user, role=role, **told)
        return self

    def ok(self, *conns: str) -> H:
        """The 101 was read."""
        for conn in conns:
            self.add(OpenOk, conn=conn)
        return self

    def welcome(self, *conns: str) -> H:
        """The hub says that these are members of their own group."""
        for conn in conns:
            self.add(Joined, conn=conn, group=self.own(conn))
        return self

    def join(
        self,
        *conns: str,
        user: str = "u0",
        session: str | None = None,
        role: Role = "plan",
        expires: float | None = None,
    ) -> H:
        """Open, and be welcomed, one after the other."""
        for conn in conns:
            self.open(conn, user=user, session=session, role=role, expires=expires).ok(conn).welcome(conn)
        return self

    def named(self, conn: str, user: str) -> H:
        """The server says as whom it counts the connection."""
        return self.add(Named, conn=conn, user=user)

    def refused(self, conn: str, code: int | None = 429, by: RejectedBy = "status") -> H:
        """The handshake ended without a 101."""
        return self.add(OpenRej, conn=conn, by=by, code=code)

    def sub(self, *conns: str, room: str = "r0", answered: bool = True) -> H:
        """Subscribe."""
        for conn in conns:
            self.add(SubInv, conn=conn, room=room)
            if answered:
                self.add(Joined, conn=conn, group=f"room:{room}")
        return self

    def not_joined(self, conn: str, room: str) -> H:
        """A subscription is refused."""
        return self.add(SubRej, conn=conn, room=room)

    def unsub(self, conn: str, room: str = "r0", answered: bool = True) -> H:
        """Leave a room."""
        self.add(UnsubInv, conn=conn, room=room)
        return self.add(UnsubOk, conn=conn, room=room) if answered else self

    def ask(self, conn: str) -> H:
        """Ask who is present; not yet answered."""
        return self.add(QueryInv, conn=conn)

    def present(self, conn: str, *users: str) -> H:
        """The answer."""
        return self.add(Present, conn=conn, users=users)

    # ---- messages ------------------------------------------------------------------------------------------------

    def send(self, msg: str, conn: str, room: str | None = None, size: int = 0, flushed: bool = True) -> H:
        """Publish; a name that begins with ``~`` is a fence."""
        group = self.own(conn) if room is None else f"room:{room}"
        self.add(SendInv, msg=msg, conn=conn, group=group, size=size, fence=msg.startswith("~"))
        return self.add(SendOk, msg=msg) if flushed else self

    def got(self, msg: str, *conns: str, intact: bool = True) -> H:
        """Read on these connections."""
        for conn in conns:
            self.add(Dlv, msg=msg, conn=conn, intact=intact)
        return self

    def stray(self, conn: str, real: str = "hf-other-m0") -> H:
        """An id that nobody in this plan sent was read."""
        return self.add(Stray, conn=conn, id=real)

    def frame(self, conn: str, text: str = "error", times: int = 1) -> H:
        """Data frames that are none of ours."""
        for _ in range(times):
            self.add(Frame, conn=conn, text=text)
        return self

    # ---- ends and faults -----------------------------------------------------------------------------------------

    def close_begun(self, conn: str, code: int = 1000) -> H:
        """Our Close is on its way."""
        return self.add(CloseInv, conn=conn, code=code)

    def unanswered(self, conn: str) -> H:
        """We have waited long enough for the answer to our Close."""
        return self.add(CloseLate, conn=conn).drop(conn)

    def closed(self, *conns: str, code: int = 1000) -> H:
        """A whole closing handshake of ours."""
        for conn in conns:
            self.close_begun(conn, code).add(SrvClose, conn=conn, code=code).add(CloseOk, conn=conn)
        return self

    def drop(self, conn: str, how: DropKind = "reset") -> H:
        """Gone without a Close."""
        return self.add(DropInv, conn=conn, how=how)

    def fault(self, conn: str, kind: str = "stall") -> H:
        """Misbehave from now on."""
        return self.add(FaultInv, conn=conn, kind=kind)

    def healed(self, conn: str, kind: str = "stall") -> H:
        """Behave again."""
        return self.add(FaultEnd, conn=conn, kind=kind)

    def ended(self, conn: str, how: int | type[SrvEof | SrvRst] = 1011, tcp: bool = True) -> H:
        """The server ends it: by a Close with this code, or by FIN or RST."""
        if isinstance(how, int):
            self.add(SrvClose, conn=conn, code=how)
        else:
            self.add(how, conn=conn)
        return self.add(TcpClosed, conn=conn) if tcp else self

    def bad(self, conn: str) -> H:
        """The server sends what RFC 6455 forbids."""
        return self.add(SrvBad, conn=conn, detail="reserved bits")

    # ---- time and the rest ---------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> H:
        """Time passes, and nobody knows whether the server answered."""
        self.now = round(self.now + seconds, 6)
        return self

    def controls(self, seconds: float, ok: bool = True, every: float = CONTROL_EVERY) -> H:
        """Round trips of the control pair, the first now and the last ``seconds`` later."""
        start = self.now
        for number in range(round(seconds / every) + 1):
            self.now = round(max(self.now + STEP, start + number * every), 6)
            self.events.append(Control(self.now, ok, round(self.now - STEP, 6)))
        return self

    def lag(self, seconds: float) -> H:
        """hubfuzz itself was late."""
        return self.wait(seconds).add(Lag, seconds=seconds)

    def pause(self, seconds: float) -> H:
        """The server process is stopped, and goes on."""
        return self.add(ServerPaused).wait(seconds).add(ServerResumed)

    def stop(self) -> H:
        """The server is told to end."""
        return self.add(StopInv)

    def stopped(self, status: int | None = 0) -> H:
        """It has ended, or (None) it was killed."""
        return self.add(Stopped, status=status)

    def restart(self) -> H:
        """It ends at once, and a new one is ready."""
        return self.stop().stopped().add(Restarted)

    def phase(self, name: str) -> H:
        """A phase begins."""
        return self.add(Phase, name=name)

    def quiet(self, complete: bool = True) -> H:
        """A fence ended."""
        return self.add(Quiet, complete=complete)

    def count(self, name: str, value: int, when: str = "after") -> H:
        """The server's own count."""
        return self.add(Probe, name=name, value=value, when=when)

    def log(self, line: str = "Traceback") -> H:
        """The server logged an error."""
        return self.add(ServerLog, line=line)

    def exit(self, status: int = 1) -> H:
        """The server process ended."""
        return self.add(ServerExit, status=status)


def says(written: H) -> set[str]:
    """All that the judges find, such as ``{"HF101 violated"}``; each finding must tell all that it has to."""
    history = written.history()
    verdict = judge(history)
    found = (*verdict.violations, *verdict.inconclusive)
    untold = [(f.code, f.key, wrong) for f in found for wrong in faults(f, history)]
    assert not untold, untold
    return {f"{f.code} {f.strength}" for f in found}


def obligations(written: H, code: str) -> int | None:
    """How much this invariant had to check; None if the policy switches it off."""
    return next((j.obligations for j in judge(written.history()).judgements if j.code == code), None)
