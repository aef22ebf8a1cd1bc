"""The sandbox: a small payment provider of our own, and the plugin that speaks to it."""
