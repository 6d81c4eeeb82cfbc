"""What the frames that connections read mean for one stage: deliveries, answers, news, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzzer.driver.answers import answer
from fuzzer.driver.frame_text import LONGEST_FRAME_KEPT, kept_text, overweight, whole_text
from fuzzer.driver.room_answers import Way
from fuzzer.history import Dlv, Frame, Joined, Named, Present, SendRej, Stray, SubRej, UnsubOk
from fuzzer.payload import MARK, difference, filler
from fuzzer.target.protocol import (
    Accepted,
    Message,
    NotPublished,
    NotSubscribed,
    Other,
    Presence,
    Reading,
    Subscribed,
    Unsubscribed,
    Welcome,
)

if TYPE_CHECKING:
    from fuzzer.driver.cast import Sent
    from fuzzer.driver.stage import Stage

WAYS: dict[type, Way] = {Subscribed: "in", NotSubscribed: "refused", Unsubscribed: "out"}


class Incoming:
    """Reads frames for one stage; ``control_mark`` begins the ids of the control pair."""

    def __init__(self, stage: Stage, control_mark: str) -> None:
        self._stage = stage
        self._cast = stage.cast
        self._codec = stage.codec
        self._policy = stage.policy
        self._control_mark = control_mark

    def frame(self, conn: str, data: str | bytes) -> None:
        """One whole data message. Of what is noise in it one frame is told: a server that ticks sends it as one."""
        answer(self._codec, self._stage.actors[conn].conn, data)
        readings = self._codec.readings(data)
        mixed = self._note_mixture(conn, data, readings)
        noise = False
        for found in readings:
            if isinstance(found, Message):
                self._message(conn, found, data, mixed)
            elif not (noise and isinstance(found, Other)):
                self._answer(conn, found)
                self._beside(conn, data, not isinstance(found, Other))
            noise = noise or isinstance(found, Other)

    def _note_mixture(self, conn: str, data: str | bytes, readings: tuple[Reading, ...]) -> bool:
        """Does a frame with a message of ours hold more ids than are told apart, so that where that one ends nobody
        can say? Then other messages may have come in it."""
        ids = [one.id for one in readings if isinstance(one, Message)]
        text = whole_text(data)
        if not ids or text.count(MARK) <= len(ids):  # all but always: the hottest path of all
            return False
        within = tuple(self._cast.held_in(text, besides=ids))
        if within:
            self._stage.record(Frame, conn, kept_text(data), True, within, overweight(data))
        return bool(within) or self._cast.holds_foreign_marks(text)

    def _answer(self, conn: str, found: Reading) -> None:
        actor = self._stage.actors[conn]
        if isinstance(found, Accepted):
            actor.yes_expected = False
            self._stage.wake()
        elif isinstance(found, Welcome):
            actor.welcome_expected = False
            self._welcomed(conn, found.user)
        elif isinstance(found, Subscribed | NotSubscribed | Unsubscribed):
            self._room_answer(conn, found.room, WAYS[type(found)])
        elif isinstance(found, NotPublished):
            self._not_published(conn, found.id)
        elif isinstance(found, Presence):
            actor.questions = max(0, actor.questions - 1)
            users = (self._cast.user_symbol(name) for name in found.users)
            self._stage.record(Present, conn, tuple(user for user in users if user))

    def _not_published(self, conn: str, real: str | None) -> None:
        """Nobody needs to wait for it any more; if it is not said which one, for none of this sender."""
        sent = self._cast.recall(real) if real else None
        if real and sent is None:
            return
        self._stage.record(SendRej, conn, sent.msg if sent else "")
        self._stage.not_published(conn, sent.msg if sent else None)

    def _beside(self, conn: str, data: str | bytes, known: bool) -> None:
        """Of what the target file names something is told only if messages are in it, or if it weighs much."""
        holds, size = self._cast.held_in(whole_text(data)), overweight(data)
        if holds or size or not known:
            self._stage.record(Frame, conn, kept_text(data), known, holds, size)

    def _welcomed(self, conn: str, name: str | None) -> None:
        """A welcome that names somebody else of the plan may be news of that one."""
        mine = self._stage.actors[conn].user
        if name is not None:
            self._stage.record(Named, conn, self._cast.spoken_of(name)[:LONGEST_FRAME_KEPT])
        if name is None or self._cast.user_symbol(name) in (None, mine):
            self._stage.record(Joined, conn, self._stage.user_group(mine))

    def _message(self, conn: str, message: Message, data: str | bytes, mixed: bool) -> None:
        sent = self._cast.recall(message.id)
        if sent is not None:
            differs = "" if mixed else self._difference(message, sent)
            self._stage.record(Dlv, sent.msg, conn, not differs, differs, overweight(data, sent.size))
            self._stage.arrived(sent.msg, conn)
        elif self._is_stray(message.id):
            self._stage.record(Stray, conn, message.id[:LONGEST_FRAME_KEPT])
        elif not message.id.startswith(self._control_mark):  # history of earlier plans, or of others
            self._stage.record(Frame, conn, message.id[:LONGEST_FRAME_KEPT], True)

    def _difference(self, message: Message, sent: Sent) -> str:
        """In what it is not as it was sent; empty if it is."""
        if self._policy.body == "any":
            return ""
        room = self._stage.room_of(sent.msg)
        label = self._cast.other_room(message.room, room)
        if label is not None:
            return f"sent to the room {room}, and named as one to {label}"
        return difference(filler(sent.size, sent.fill), message.body)

    def _is_stray(self, real: str) -> bool:
        """A marked id that this plan never sent. Where everybody is one group, others' marked ids are legitimate."""
        return real.startswith(self._cast.own_mark if self._policy.group == "all" else MARK)

    def _room_answer(self, conn: str, real: str | None, way: Way) -> None:
        actor, record = self._stage.actors[conn], self._stage.record
        rooms = actor.room_answers.nameless(way) if not real else [self._cast.room_symbol(real)]
        if not rooms:
            record(Frame, conn, f"an answer without a room ({way})", True)
        for room in rooms:
            if real:
                actor.room_answers.named(room, way)
            actor.awaited_rooms.discard(room)
            if way == "out":
                actor.rooms_being_left.discard(room)
            if way != "in":
                record(UnsubOk if way == "out" else SubRej, conn, room)
                continue
            record(Joined, conn, f"room:{room}")
            if room in actor.wanted_rooms:
                actor.groups.add(f"room:{room}")
        if not real and actor.room_answers.none_awaited:
            actor.awaited_rooms.clear()
