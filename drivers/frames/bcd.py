"""Packed decimal numbers as Chinese meters send them: two digits a byte, lowest pair first."""

from __future__ import annotations


def digits(data: bytes) -> str:
    """The digits, highest first: `b"\\x61\\x01"` gives `"0161"`. Other nibbles come as A to F."""
    return data[::-1].hex().upper()


def from_digits(text: str) -> bytes:
    """The reverse of `digits`. Raises ValueError if it is no even number of hexadecimal digits."""
    return bytes.fromhex(text)[::-1]


def unsigned(data: bytes) -> int | None:
    """The number, or None if a nibble is no decimal digit (the meters' "no value")."""
    text = data[::-1].hex()
    return int(text) if text.isdecimal() else None


def signed(data: bytes) -> int | None:
    """As `unsigned`, with the top bit of the highest byte as sign. All FF is no value."""
    if not data or set(data) == {0xFF}:
        return None
    magnitude = unsigned(data[:-1] + bytes([data[-1] & 0x7F]))
    if magnitude is None:
        return None
    return -magnitude if data[-1] & 0x80 else magnitude


def encode(number: int, size: int, *, sign: bool = False) -> bytes:
    """`number` in `size` bytes. Raises ValueError if it does not fit or its sign cannot be sent."""
    text = str(abs(number)).zfill(2 * size)
    if len(text) != 2 * size or (number < 0 and not sign) or (sign and text[0] in "89"):
        raise ValueError(f"{number} does not fit into {size} bytes of digits")
    data = bytearray(from_digits(text))
    if number < 0:
        data[-1] |= 0x80
    return bytes(data)
