"""``python -m gateway_core.cli`` is the ``gateway`` command."""

from gateway_core.cli import main

if __name__ == "__main__":
    main()
