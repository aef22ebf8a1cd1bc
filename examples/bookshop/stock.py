"""What is on the shelf at first: title, author, price and copies, whatever the framework."""

from __future__ import annotations

CURRENCY = "USD"

STOCK = [
    ("The Annotated Turing", "Charles Petzold", "34.90", 5),
    ("A Room of One's Own", "Virginia Woolf", "12.50", 8),
    ("The Left Hand of Darkness", "Ursula K. Le Guin", "14.00", 6),
    ("Gödel, Escher, Bach", "Douglas Hofstadter", "29.00", 4),
    ("Invisible Cities", "Italo Calvino", "13.90", 7),
    ("The Mezzanine, first edition", "Nicholson Baker", "120.00", 1),
    ("Kindred", "Octavia E. Butler", "15.50", 6),
    ("The Summer Book", "Tove Jansson", "11.90", 9),
]
