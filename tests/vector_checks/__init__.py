"""Checks of recorded vectors against the project's codecs and profiles, one module a protocol."""
