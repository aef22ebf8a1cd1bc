"""Broken: is not Python."""


class Broken:
    def create_invoice(self, request: ...
