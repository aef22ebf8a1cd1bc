"""Broken: ends the process that imports it."""

import sys

sys.exit("no licence for this machine")
