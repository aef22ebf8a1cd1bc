"""Broken: is written for a core to come, and fails in this one."""

raise AssertionError("imported although its requirement does not admit this core")
