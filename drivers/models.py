"""Every device model by name, whatever protocol it speaks: Modbus and MQTT profiles, DL/T 645, CJ/T 188.

Protocols are imported when a model needs them, so that an edge with Modbus meters carries no others.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from drivers import profile as profiles
from drivers.profile import Profile

if TYPE_CHECKING:
    from drivers.cjt188.meter import Meter as Cjt188Meter
    from drivers.dlt645.meter import Meter as Dlt645Meter

    Meter = Cjt188Meter | Dlt645Meter
    Model = Profile | Meter

_CJT188 = "cjt188_"


def load(name: str, own: Path | None = None) -> Model:
    """The model of that name; a file of the `own` folder comes before the shipped one.

    Raises ConfigError with every problem of the file, or with the names there are.
    """
    if name.startswith(_CJT188):
        from drivers.cjt188 import meter as cjt188

        return cjt188.load(name)
    if _is_dlt645(name, own):
        from drivers.dlt645 import meter as dlt645

        return dlt645.load(name, own)
    return profiles.load(name, own)


def names(own: Path | None = None) -> list[str]:
    """All models there are, sorted."""
    from drivers.cjt188.meter import METERS

    return sorted({*profiles.names(own), *METERS, *(path.stem for path in _dlt645_meters().glob("*.toml"))})


def profile_of(model: Model) -> Profile:
    """What the edge needs to know of it."""
    return model if isinstance(model, Profile) else model.profile


def protocol_of(model: Model) -> str:
    """`modbus`, `mqtt`, `dlt645_2007`, `dlt645_1997` or `cjt188`."""
    if isinstance(model, Profile):
        return "modbus" if model.modbus else "mqtt"
    return model.protocol


def _is_dlt645(name: str, own: Path | None) -> bool:
    """A meter file of DL/T 645 names its edition."""
    if own is not None and (own / f"{name}.toml").is_file():
        try:
            return "edition" in tomllib.loads((own / f"{name}.toml").read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            return False
    return (_dlt645_meters() / f"{name}.toml").is_file()


def _dlt645_meters() -> Path:
    return Path(str(resources.files("drivers").joinpath("dlt645", "meters")))
