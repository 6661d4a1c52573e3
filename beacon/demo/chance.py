"""Chance that is the same on every machine: numbers hashed from a name and an index."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def uniform(name: str, index: Ints) -> Floats:
    """Numbers in [0, 1), one for each index. Mixing function: splitmix64 (Steele, Lea, Flood 2014)."""
    seed = np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big"))
    with np.errstate(over="ignore"):
        z = seed + index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def bell(name: str, index: Ints) -> Floats:
    """Numbers around 0 with standard deviation 1, never beyond 3.5."""
    total = np.sum([uniform(f"{name}/{part}", index) for part in range(4)], axis=0)
    return np.asarray((total - 2.0) * np.sqrt(3.0))
