"""A shop's own application, for the tests."""
