"""Provider plugins: discovery by entry point, validation against the contract, loading of the chosen one."""
