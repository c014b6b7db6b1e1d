"""Signals for the tests of the tools."""

import signal

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
