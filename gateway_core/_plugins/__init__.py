"""Plugins: discovery by entry point, loading of the chosen one, validation against the contract, reports on all."""
