"""Dead letters, tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from collector.admission import Admission
from collector.dead_letters import DeadLetters
from collector.payload import PayloadError, parse, unpack
from collector.registry import Registry
from collector.store import PartlyStored, Store


@dataclass(slots=True)
class Replayed:
    """failed: (number, reason) of the letters that were refused again and stay."""

    stored: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


def replay(
    letters: DeadLetters, store: Store, registry: Registry, clock: Callable[[], int], number: int = 0
) -> Replayed:
    """Store what now can be stored and drop those letters. number: one letter, 0 for all.

    Raises StoreUnavailable; letters are dropped only after their content is stored.
    """
    admission = Admission(registry, clock)
    result = Replayed()
    chosen = [letters.get(number)[0]] if number else reversed(letters.list(limit=1_000_000))
    for letter in chosen:
        _, payload = letters.get(letter.id)
        try:
            admitted = admission.admit(letter.site, letter.edge, parse(unpack(payload)))
            store.write(admitted.samples, admitted.intervals, admitted.events)
        except (PayloadError, PartlyStored) as error:
            result.failed.append((letter.id, str(error)))
            continue
        if admitted.refused:
            result.failed.append((letter.id, admitted.refused[0][1]))
        else:
            letters.drop(letter.id)
            result.stored += 1
    return result
