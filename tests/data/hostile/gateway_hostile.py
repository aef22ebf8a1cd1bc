"""Broken: fails wherever it is looked at."""

class Meta(type):
    """The class of a class that does not want to be looked at."""

    def __getattribute__(cls, name):
        raise RuntimeError("do not look")

    def __repr__(cls):
        raise RuntimeError("do not print")


class Broken(metaclass=Meta):
    """Nothing."""
