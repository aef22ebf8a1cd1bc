"""The conformance kit, run on {{ cookiecutter.title }}."""

from __future__ import annotations

from gateway_conformance import ProviderSuite

from {{ cookiecutter.__package }}.emulator import {{ cookiecutter.__class_name }}Emulator


class Test{{ cookiecutter.__class_name }}(ProviderSuite):
    """Every check of the kit."""

    backend = "{{ cookiecutter.name }}"
    emulator = {{ cookiecutter.__class_name }}Emulator
