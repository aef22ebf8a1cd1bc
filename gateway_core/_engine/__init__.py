"""From a call on a gateway to its result: the operations, the error boundary, and the drivers that run flows."""
