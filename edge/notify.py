"""systemd's sd_notify: ready, alive, stopping. Says nothing where systemd does not listen."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Send one state, such as `READY=1`. Protocol: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect(address)
            sender.sendall(state.encode())
        except OSError:
            return


def watchdog_s() -> float | None:
    """How often systemd wants to hear WATCHDOG=1: half its limit, or None if it does not care."""
    limit = os.environ.get("WATCHDOG_USEC")
    owner = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not limit or not limit.isdigit() or owner != str(os.getpid()):
        return None
    return int(limit) / 2_000_000
