"""Broken: imports what is not there."""

import gateway_nowhere

Broken = gateway_nowhere.Broken
