"""A shop under chaos: thousands of orders while answers, webhooks and workers get lost, and a count of the harm."""
