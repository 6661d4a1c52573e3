"""What the pages show, computed from the store and the registry; nothing here knows HTML."""
