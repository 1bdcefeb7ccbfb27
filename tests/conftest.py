"""What holds for every test."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# No change is refused by chance for what another one left: the inputs are fixed, unless new ones are asked for.
settings.register_profile("fixed", derandomize="BACKPROP_RANDOM" not in os.environ)
settings.load_profile("fixed")

# Whoever starts the tests in the background of a script has Ctrl-C ignored, and so would all processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
