"""How thorough properties are: `HYPOTHESIS_PROFILE=long` tries thousands of cases of each (so does `--hypothesis-profile=long`)."""

import os
import signal

from hypothesis import settings

# No deadlines: how long a case takes is said by whatever else the machine does.
settings.register_profile("short", deadline=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

# Started in the background the tests have interrupts ignored, and so would have the processes that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
