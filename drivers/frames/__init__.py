"""Bytes to frames and back, without I/O: Modbus RTU, TCP and ASCII, and what DL/T 645 and CJ/T 188 share."""
