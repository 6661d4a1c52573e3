"""A cancellation that is not lost in aiomqtt, for every loop that waits with it."""

from __future__ import annotations

import asyncio


def end_if_cancelled() -> None:
    """Raise CancelledError if this task is to end.

    aiomqtt may raise MqttError over a cancellation while it disconnects; and Python 3.11's wait_for, which
    it waits with, drops a cancellation that comes together with the answer.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
