"""What holds for every test."""

from __future__ import annotations

import signal

# Whoever starts the tests in the background of a script has Ctrl-C ignored, and so would all processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
