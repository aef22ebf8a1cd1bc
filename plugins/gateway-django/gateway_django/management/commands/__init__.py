"""The commands of ``manage.py``, each in its module."""
