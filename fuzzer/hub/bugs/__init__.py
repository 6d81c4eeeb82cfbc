"""The seeded bugs, one file each; ``BUGS`` holds them by code, in order."""

from __future__ import annotations

from fuzzer.hub.bugs import (
    s01_live_list,
    s03_dead_peer_aborts,
    s04_sender_is_blamed,
    s05_departure_tears_down,
    s10_double_subscribe,
    s12_task_per_message,
    s15_check_then_act,
    s17_double_release,
    s18_drop_in_handshake,
    s19_unclean_end_keeps_slot,
    s20_refused_is_counted,
    s24_old_end_removes_new,
    s29_bad_peer_takes_others_down,
    s31_sequential_sends,
)
from fuzzer.hub.bugs.model import SeededBug

__all__ = ["BUGS", "SeededBug"]

_FILES = (
    s01_live_list,
    s03_dead_peer_aborts,
    s04_sender_is_blamed,
    s05_departure_tears_down,
    s10_double_subscribe,
    s12_task_per_message,
    s15_check_then_act,
    s17_double_release,
    s18_drop_in_handshake,
    s19_unclean_end_keeps_slot,
    s20_refused_is_counted,
    s24_old_end_removes_new,
    s29_bad_peer_takes_others_down,
    s31_sequential_sends,
)
BUGS: dict[str, SeededBug] = {file.BUG.code: file.BUG for file in _FILES}
