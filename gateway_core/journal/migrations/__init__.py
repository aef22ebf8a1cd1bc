"""The journal's schema, from one version to the next."""
