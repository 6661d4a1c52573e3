"""Sparkplug B as host application: births, aliases, sequences, rebirth requests, deaths."""
