"""Simulated devices of every profile, for tests, the demo and commissioning without meters."""
