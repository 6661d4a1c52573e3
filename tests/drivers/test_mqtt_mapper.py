"""MQTT payloads as devices send them, and as nobody should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ConfigError, FrameError
from drivers.mqtt import payload
from drivers.mqtt.mapper import MqttMapper
from drivers.profile import load, names
from drivers.sample import Status
from drivers.simulate.mqtt_device import SimulatedMqttDevice

NOW = 1_767_225_600_000
MQTT = [name for name in names() if load(name).mqtt]


def feed(mapper: MqttMapper, topic: str, document: object, retained: bool = False) -> dict[str, float]:
    text = document if isinstance(document, str) else json.dumps(document)
    sample = mapper.feed(topic, text.encode(), retained, NOW)
    return sample.present() if sample else {}


@pytest.mark.parametrize("name", MQTT)
def test_mapper_reads_what_the_simulator_publishes(name: str) -> None:
    simulated = SimulatedMqttDevice(load(name), "device1", clock=lambda: NOW / 1000)
    mapper = MqttMapper("m", load(name), "device1")
    found: dict[str, float] = {}
    for topic, text in simulated.messages():
        assert topic in mapper.topics
        sample = mapper.feed(topic, text, False, NOW)
        found |= sample.present() if sample else {}
    sample = mapper.flush(NOW + 600_000)
    found |= sample.present() if sample else {}
    one_phase_only = {"power_factor_total"} if name == "tasmota" else set()
    assert set(found) == set(mapper.fields) - one_phase_only
    for quantity, value in found.items():
        if simulated.profile.kind == "heat_pump":
            assert value == pytest.approx(simulated.value(quantity), abs=1e-3)


def test_tasmota_one_phase_and_three() -> None:
    mapper = MqttMapper("m", load("tasmota"), "pow1")
    single = feed(mapper, "tele/pow1/SENSOR", {"Time": "2018-02-15T17:37:10", "ENERGY": {
        "Total": 6.294, "Power": 2635, "Factor": 0.99, "Voltage": 227, "Current": 11.661}})  # fmt: skip
    assert single["active_power_total"] == 2.635
    assert single["voltage_l1n"] == 227
    assert single["power_factor_total"] == 0.99
    three = feed(mapper, "tele/pow1/SENSOR", {"ENERGY": {
        "Total": 436.786, "ExportActive": [0.0, 0.001, 0.302], "Power": [298, 7, 0],
        "Factor": [0.9, 0.77, 0.61]}})  # fmt: skip
    assert three["active_power_total"] == 0.305
    assert three["active_power_l2"] == 0.007
    assert three["active_energy_export_total"] == 0.303
    assert "power_factor_total" not in three


def test_notification_is_laid_over_what_is_known_but_counters_are_not_repeated() -> None:
    mapper = MqttMapper("m", load("shelly_gen2_3phase"), "em")
    feed(mapper, "em/status/em:0", {"total_act_power": 3048.1, "a_voltage": 233.3})
    assert (
        feed(mapper, "em/status/emdata:0", {"total_act": 20269.29})["active_energy_import_total"] == 20.26929
    )
    sample = mapper.feed(
        "em/events/rpc", b'{"params": {"ts": 1767225590.5, "em:0": {"total_act_power": 10}}}', False, NOW
    )
    assert sample is not None
    assert sample.at == 1_767_225_590_500
    assert sample.present() == {"active_power_total": 0.01, "voltage_l1n": 233.3}


def test_times_of_the_device_count_only_when_they_can_be_placed() -> None:
    mapper = MqttMapper("m", load("zigbee2mqtt_plug"), "p")
    cases = {
        1_683_710_149_435: 1_683_710_149_435,
        "2025-07-27T09:41:41+02:00": 1_753_602_101_000,
        "2025-07-27T09:41:41": NOW,  # without a zone
        "soon": NOW,
        NOW + 3_600_000: NOW,  # a clock that is ahead
        None: NOW,
    }
    for written, expected in cases.items():
        sample = mapper.feed(
            "zigbee2mqtt/p", json.dumps({"power": 5, "last_seen": written}).encode(), True, NOW
        )
        assert sample is not None
        assert sample.at == expected
        assert sample.status == (Status.GOOD if expected != NOW else Status.AGE_UNKNOWN)


def test_words_for_no_value_are_absent() -> None:
    mapper = MqttMapper("m", load("zigbee2mqtt_plug"), "p")
    for nothing in ("null", '""', '"NaN"', "NaN", '"unavailable"', "[]", "{}", '"inf"'):
        text = f'{{"power": {nothing}, "voltage": 230}}'
        assert feed(mapper, "zigbee2mqtt/p", text) == {"voltage_l1n": 230}
    assert feed(mapper, "zigbee2mqtt/p", {"power": "12.5"}) == {"active_power_total": 0.0125}
    assert mapper.feed("zigbee2mqtt/p", b'{"linkquality": 3}', False, NOW) is None


def test_one_topic_a_property() -> None:
    plug = MqttMapper("m", load("zigbee2mqtt_plug_attributes"), "p")
    for leaf, text in (("power", b"46"), ("energy", b"12.05"), ("voltage", b""), ("current", b"0.2")):
        plug.feed(f"zigbee2mqtt/p/{leaf}", text, False, NOW)
    sample = plug.flush(NOW + 2000)
    assert sample is not None
    assert sample.present() == {
        "active_power_total": 0.046,
        "active_energy_import_total": 12.05,
        "current_l1": 0.2,
    }
    house = MqttMapper("m", load("esphome_meter"), "cellar")
    house.feed("cellar/sensor/active_power_total/state", b"1250.5", False, NOW)
    house.feed("cellar/sensor/voltage_l1n/state", b"nan", False, NOW)
    sample = house.flush(NOW + 2000)
    assert sample is not None
    assert sample.present() == {"active_power_total": 1.2505}
    house.feed("cellar/status", b"offline", True, NOW)
    assert house.online is False


def test_neurons_failed_tags_are_absent() -> None:
    mapper = MqttMapper("m", load("neuron_meter"), "/neuron/modbus")
    document = {
        "timestamp": NOW - 500,
        "node": "modbus",
        "group": "group",
        "values": {"active_power_total": 12.5},
        "errors": {"voltage_l1n": 2014},
    }
    sample = mapper.feed("/neuron/modbus", json.dumps(document).encode(), False, NOW)
    assert sample is not None
    assert (sample.at, sample.present()) == (NOW - 500, {"active_power_total": 12.5})


def test_bare_values_are_gathered_and_the_will_is_heard() -> None:
    mapper = MqttMapper("hp", load("heishamon"), "pump")
    assert mapper.feed("pump/main/Pump_Flow", b"25.5", False, NOW) is None
    assert mapper.feed("pump/main/Heat_Power_Production", b"-1", False, NOW + 1) is None
    assert mapper.feed("pump/main/Main_Outlet_Temp", b"35", False, NOW + 2) is None
    assert mapper.flush(NOW + 4999) is None
    sample = mapper.flush(NOW + 5000)
    assert sample is not None
    assert sample.present() == {"flow": 1.53, "supply_temperature": 35.0}
    mapper.feed("pump/LWT", b"Offline", True, NOW)
    assert mapper.online is False


@pytest.mark.parametrize(
    "hostile",
    [
        b"{", b"\xff\xfe", b'{"values":{"tag0":123},}', b"[" * 100_000, b'{"power": ' + b"9" * 70_000 + b"}",
        b"NaN" + b"[" * 50_000, b"",
    ],
)  # fmt: skip
def test_hostile_payload_is_a_typed_error(hostile: bytes) -> None:
    mapper = MqttMapper("m", load("zigbee2mqtt_plug"), "p")
    with pytest.raises(FrameError, match=r"m \(topic zigbee2mqtt/p\): "):
        mapper.feed("zigbee2mqtt/p", hostile, False, NOW)
    assert mapper.rejected == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["power", "energy", "ENERGY", "Power", "last_seen"]), inner)
        ),
    )
)
def test_any_json_gives_finite_values_or_nothing(document: object) -> None:
    text = json.dumps(document).encode()
    for name, topic in (("zigbee2mqtt_plug", "zigbee2mqtt/p"), ("tasmota", "tele/p/SENSOR")):
        mapper = MqttMapper("m", load(name), "p")
        sample = mapper.feed(topic, text, False, NOW)
        if sample is not None:
            assert all(abs(value) < 1e10 for value in sample.present().values())


def test_paths() -> None:
    tags = {"tags": [{"name": "t0", "value": 1}, {"name": "t1", "value": 2}]}
    assert payload.path("tags[name=t1].value")(tags) == 2
    assert payload.path("tags[name=t9].value")(tags) is None
    assert payload.path("a.b[1]")({"a": {"b": [5, 6]}}) == 6
    assert payload.path("a.b[1]")({"a": {"b": 5}}) is None
    for wrong in ("", "a..b", "a[x]", "a[0"):
        with pytest.raises(ValueError, match=r"is no path|neither"):
            payload.path(wrong)


def test_prefix_with_a_wildcard_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be part of a topic"):
        MqttMapper("m", load("tasmota"), "+/x")
    with pytest.raises(ConfigError, match="maps no MQTT topics"):
        MqttMapper("m", load("eastron_sdm630"), "x")
