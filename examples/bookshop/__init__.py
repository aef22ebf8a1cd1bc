"""A bookshop, without its web framework: what it sells, its orders, its pages, and the command line that serves it.

The shops beside this package, in FastAPI and in Flask, bring the routes; `gateway_core` brings the money.
"""
