"""For all tests: Ctrl-C means Ctrl-C, however they were started."""

from __future__ import annotations

import signal

# In the background of a script (`pytest &`) it is ignored, and so it would be in everything that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
