"""The bookshop in Django. It does not know which provider it uses: that stands in `gateway.toml`.

From a clone of the repository, with the sandbox as its provider::

    python -m examples.bookshop django --sandbox

What is here is the shop's own: its pages, its stock, its parcels. Payments come in by one line in `urls.py`, and what
they mean to the shop stands in `receivers.py`.
"""

from __future__ import annotations

import os


def prepare() -> None:
    """Make the tables of the shop and of its journal, and fill an empty shelf."""
    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "examples.django_shop.settings"
    django.setup()
    from examples.django_shop.models import Book

    call_command("migrate", verbosity=0)
    if not Book.objects.exists():
        Book.fill_the_shelf()


def serve(port: int) -> None:
    """Serve the shop, and look after its payments."""
    prepare()
    from django.core.management import call_command

    from examples.django_shop import caretaker

    with caretaker.running():
        call_command("runserver", f"127.0.0.1:{port}", "--noreload")
