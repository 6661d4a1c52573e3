"""SunSpec register images."""

from __future__ import annotations

import struct
from typing import Any

from drivers.modbus.registers import Block
from drivers.quantity import quantity
from drivers.sunspec.models import METER_MODELS, chain, meter_values, nameplate, point_addresses

from .compare import Comparison, canonical


def check(comparison: Comparison, expected: dict[str, Any], blocks: list[tuple[Block, bytes]]) -> None:
    block, data = blocks[0]
    models = chain(struct.unpack(f">{len(data) // 2}H", data), block.address)
    plate = nameplate(models)
    meter = next(model for model in models if model.id in METER_MODELS)
    facts = {
        "manufacturer": plate.manufacturer,
        "model": plate.model,
        "version": plate.version,
        "serial": plate.serial,
        "model_chain": [
            {"id": model.id, "address": model.address, "length": model.length} for model in models
        ],
        "meter_model": meter.id,
    }
    for key in expected.keys() & facts.keys():
        comparison.check(key, expected[key], facts[key])
    names, values = point_addresses(meter), meter_values(models)
    for value in expected.get("values", []):
        name = names.get(value["address"])
        if name is None:
            comparison.notes.append(f"not read: {value['name']}")
            continue
        if canonical(value["name"]):
            comparison.check(f"quantity at {value['address']}", canonical(value["name"]), name)
        unit = quantity(name).unit
        stated = value["unit"] if unit else ""
        comparison.quantity(value["name"], value["value"], stated, values.get(name), unit)
