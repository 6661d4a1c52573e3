"""Fixtures of the dashboards' tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from announced_town import make

from dashboards.announce.model import Announcement


@pytest.fixture(scope="session")
def october() -> Announcement:
    return make()
