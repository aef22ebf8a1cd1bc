"""The provider {{ cookiecutter.title }}."""

from {{ cookiecutter.__package }}.provider import {{ cookiecutter.__class_name }}
from {{ cookiecutter.__package }}.settings import {{ cookiecutter.__class_name }}Settings

__all__ = ["{{ cookiecutter.__class_name }}", "{{ cookiecutter.__class_name }}Settings"]
