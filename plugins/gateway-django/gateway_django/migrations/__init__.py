"""What Django knows of the journal's tables, which it neither makes nor changes."""
