"""Modbus: words to values, read plans, the bus, and the device on it."""
