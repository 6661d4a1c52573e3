"""The host's side of Sparkplug B: births, aliases, gaps, deaths, late and null values, mapping."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ConfigError, FrameError
from drivers.sample import Status
from drivers.sparkplug import host as H
from drivers.sparkplug.entry import DeviceEntry
from drivers.sparkplug.host import Host, Offline, Online, Publish, Source, Values, parse_topic
from drivers.sparkplug.mapper import SparkplugMapper
from drivers.sparkplug.payload import DataType, Metric, Payload, Value, decode, encode

NOW = 1_800_000_000_000
NODE, METER = Source("plant", "gw1"), Source("plant", "gw1", "meter")


def message(*metrics: Metric, seq: int | None = None, at: int = NOW) -> bytes:
    return encode(Payload(metrics, seq, at))


def born(bd_seq: int = 0) -> Host:
    """A host that has seen the births of node and meter; sequence numbers 0 and 1."""
    host = Host()
    host.feed("spBv1.0/plant/NBIRTH/gw1", node_birth(bd_seq), NOW)
    host.feed("spBv1.0/plant/DBIRTH/gw1/meter", meter_birth(), NOW)
    return host


def node_birth(bd_seq: int = 0) -> bytes:
    return message(
        Metric("bdSeq", value=bd_seq, datatype=DataType.INT64),
        Metric("Node Control/Rebirth", value=False, datatype=DataType.BOOLEAN),
        seq=0,
    )


def meter_birth(seq: int = 1) -> bytes:
    return message(
        Metric("Power", 7, 1500.0, DataType.DOUBLE),
        Metric("Energy", 8, 12_345_678, DataType.UINT64),
        Metric("Temperature", 9, -5, DataType.INT16),
        seq=seq,
    )


def data(*metrics: Metric, seq: int, at: int = NOW + 1000) -> tuple[str, bytes]:
    return "spBv1.0/plant/DDATA/gw1/meter", message(*metrics, seq=seq, at=at)


def asked(events: list[H.Event]) -> bool:
    return any(isinstance(event, Publish) for event in events)


def test_births_give_values_and_data_by_alias_gives_names() -> None:
    host = Host()
    assert host.feed("spBv1.0/plant/NBIRTH/gw1", node_birth(), NOW)[0] == Online(NODE)
    online, values = host.feed("spBv1.0/plant/DBIRTH/gw1/meter", meter_birth(), NOW)
    assert online == Online(METER)
    assert values == Values(METER, NOW, {"Power": 1500.0, "Energy": 12_345_678, "Temperature": -5})
    topic, payload = data(Metric(alias=9, value=-7, datatype=DataType.INT16), seq=2)
    assert host.feed(topic, payload, NOW) == [Values(METER, NOW + 1000, {"Temperature": -7})]
    assert host.online(METER)


def test_the_birth_tells_the_type_of_a_whole_number_sent_without_one() -> None:
    no_type = bytes.fromhex("1206 1009 50f9ff03 1802".replace(" ", ""))  # alias 9, int_value FFF9H; seq 2
    assert decode(no_type).metrics[0].datatype is None
    assert born().feed("spBv1.0/plant/DDATA/gw1/meter", no_type, NOW) == [
        Values(METER, None, {"Temperature": -7})
    ]


def test_a_gap_in_the_sequence_asks_for_a_birth_once_and_keeps_the_values() -> None:
    host = born()
    first = host.feed(*data(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE), seq=5), NOW)
    assert asked(first)
    assert Values(METER, NOW + 1000, {"Power": 1.0}) in first
    assert not asked(host.feed(*data(Metric(alias=7, value=2.0, datatype=DataType.DOUBLE), seq=9), NOW + 500))
    assert asked(host.feed(*data(Metric(alias=7, value=2.0, datatype=DataType.DOUBLE), seq=20), NOW + 10_500))
    assert (host.gaps, host.rebirths) == (3, 2)


def test_a_rebirth_request_is_a_node_command() -> None:
    (publish,) = Host().feed(*data(Metric("Power", value=1.0, datatype=DataType.DOUBLE), seq=0), NOW)
    assert isinstance(publish, Publish)
    assert publish.topic == "spBv1.0/plant/NCMD/gw1"
    (metric,) = decode(publish.payload).metrics
    assert (metric.name, metric.value, metric.datatype) == (H.REBIRTH, True, DataType.BOOLEAN)


def test_the_sequence_wraps_at_256() -> None:
    host = born()
    for seq in [*range(2, 256), 0, 1]:
        assert not asked(host.feed(*data(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE), seq=seq), NOW))
    assert host.gaps == 0


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("spBv1.0/plant/DDATA/gw1/other", message(Metric("x", value=1.0, datatype=DataType.DOUBLE), seq=2)),
        (
            "spBv1.0/plant/DDATA/gw1/meter",
            message(Metric(alias=99, value=1.0, datatype=DataType.DOUBLE), seq=2),
        ),
        ("spBv1.0/plant/DDATA/gw1/meter", message(Metric(value=1.0, datatype=DataType.DOUBLE), seq=2)),
        ("spBv1.0/plant/NDATA/gw1", message(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE), seq=2)),
        ("spBv1.0/plant/DDATA/gw1/meter", message(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE))),
    ],
    ids=["unborn device", "unknown alias", "no name", "alias of another", "no sequence"],
)
def test_what_the_births_did_not_announce_asks_for_a_birth(topic: str, payload: bytes) -> None:
    assert asked(born().feed(topic, payload, NOW))


def test_a_death_counts_only_for_its_own_birth() -> None:
    host = born(bd_seq=4)
    old = message(Metric("bdSeq", value=3, datatype=DataType.INT64))
    assert host.feed("spBv1.0/plant/NDEATH/gw1", old, NOW) == []
    assert host.online(METER)
    own = message(Metric("bdSeq", value=4, datatype=DataType.INT64))
    assert host.feed("spBv1.0/plant/NDEATH/gw1", own, NOW) == [Offline(METER), Offline(NODE)]
    assert not host.online(NODE)
    assert host.ignored == 1
    assert asked(host.feed(*data(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE), seq=2), NOW))


def test_a_device_death_leaves_the_node() -> None:
    host = born()
    assert host.feed("spBv1.0/plant/DDEATH/gw1/meter", message(seq=2), NOW) == [Offline(METER)]
    assert host.online(NODE)
    assert not host.online(METER)


def test_a_new_birth_forgets_the_aliases_and_devices_of_the_old() -> None:
    host = born()
    events = host.feed("spBv1.0/plant/NBIRTH/gw1", node_birth(1), NOW)
    assert events[:2] == [Offline(METER), Online(NODE)]
    assert asked(host.feed(*data(Metric(alias=7, value=1.0, datatype=DataType.DOUBLE), seq=1), NOW))


def test_late_and_null_values() -> None:
    host = born()
    events = host.feed(
        *data(
            Metric(alias=7, value=3.0, datatype=DataType.DOUBLE, at=NOW - 5000, is_historical=True),
            Metric(alias=7, value=2.0, datatype=DataType.DOUBLE, at=NOW - 9000, is_historical=True),
            Metric(alias=7, is_null=True, datatype=DataType.DOUBLE),
            seq=2,
        ),
        NOW,
    )
    assert events == [
        Values(METER, NOW - 9000, {"Power": 2.0}, historical=True),
        Values(METER, NOW - 5000, {"Power": 3.0}, historical=True),
        Values(METER, NOW + 1000, {"Power": None}),
    ]


@pytest.mark.parametrize(
    "topic",
    [
        "spAv1.0/g/NBIRTH/n",
        "spBv1.0/g/NBIRTH",
        "spBv1.0/g/DBIRTH/n",
        "spBv1.0/g/NDATA/n/d",
        "spBv1.0/g/X/n",
        "spBv1.0//NBIRTH/n",
        "",
    ],
)
def test_a_topic_that_is_none_is_a_frame_error(topic: str) -> None:
    with pytest.raises(FrameError, match="topic"):
        Host().feed(topic, b"", NOW)


def test_commands_and_states_of_others_are_passed_over() -> None:
    assert parse_topic("spBv1.0/STATE/other-host")[0] == "STATE"
    assert Host().feed("spBv1.0/plant/NCMD/gw1", b"\xff", NOW) == []


def test_the_host_state_is_json() -> None:
    topic, body = H.state_message("beacon", True, NOW)
    assert (topic, json.loads(body)) == ("spBv1.0/STATE/beacon", {"online": True, "timestamp": NOW})


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        (-128, DataType.INT8),
        (-1, DataType.INT32),
        (-(2**63), DataType.INT64),
        (2**64 - 1, DataType.UINT64),
        (True, DataType.BOOLEAN),
        ("abc", DataType.STRING),
        (b"\x00\xff", DataType.BYTES),
        (1.5, DataType.FLOAT),
        (0.1, DataType.DOUBLE),
    ],
)
def test_a_payload_is_the_reverse_of_its_bytes(value: Value, datatype: DataType) -> None:
    payload = Payload((Metric("m", 1, value, datatype, NOW, True),), 3, NOW)
    assert decode(encode(payload)) == payload


def test_the_bytes_are_those_of_the_eclipse_schema() -> None:
    # timestamp 1, metrics 2 (name 1 "P", alias 2, datatype 4, double_value 13), seq 3
    raw = bytes.fromhex("0801 1210 0a0150 1007 200a 69000000000000f83f 1805".replace(" ", ""))
    assert decode(raw) == Payload((Metric("P", 7, 1.5, 10),), 5, 1)
    assert encode(Payload((Metric("P", 7, 1.5, 10),), 5, 1)) == raw


@given(st.binary(max_size=200))
def test_random_bytes_are_events_or_a_frame_error(payload: bytes) -> None:
    host = born()
    try:
        host.feed("spBv1.0/plant/DDATA/gw1/meter", payload, NOW)
    except FrameError:
        assert host.gaps == 0


def test_every_cut_and_every_flipped_bit_is_survived() -> None:
    payload = meter_birth()
    broken = [payload[:end] for end in range(len(payload))]
    for place in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[place // 8] ^= 1 << place % 8
        broken.append(bytes(flipped))
    for one in broken:
        try:
            events = born().feed("spBv1.0/plant/DDATA/gw1/meter", one, NOW)
        except FrameError:
            continue
        assert isinstance(events, list)


def test_a_payload_without_end_is_refused() -> None:
    with pytest.raises(FrameError, match="at most"):
        decode(b"\x12\x00" * 600_000)
    with pytest.raises(FrameError, match="20000 metrics"):
        decode(b"\x12\x00" * 20_000)


MAPPING = DeviceEntry.model_validate(
    {
        "id": "m1",
        "group": "plant",
        "node": "gw1",
        "device": "meter",
        "metrics": {
            "Power": {"quantity": "active_power_total", "unit": "W"},
            "Energy": {"quantity": "active_energy_import_total", "unit": "Wh", "sentinels": [0]},
            "Temperature": "outdoor_temperature",
        },
    }
)


def test_metrics_become_samples_in_our_units() -> None:
    mapper = SparkplugMapper([MAPPING])
    (sample,) = mapper.samples(Values(METER, NOW, {"Power": 1500.0, "Energy": 12_345_678, "Other": 1.0}), NOW)
    assert (sample.device, sample.at, sample.status) == ("m1", NOW, Status.GOOD)
    assert sample.present() == {"active_power_total": 1.5, "active_energy_import_total": 12345.678}
    assert sample.fields == ("active_power_total", "active_energy_import_total", "outdoor_temperature")


def test_null_text_sentinel_and_foreign_values_give_no_sample() -> None:
    mapper = SparkplugMapper([MAPPING])
    assert mapper.samples(Values(METER, NOW, {"Power": None, "Energy": 0, "Temperature": "cold"}), NOW) == []
    assert mapper.samples(Values(NODE, NOW, {"Power": 1.0}), NOW) == []
    assert mapper.samples(Values(METER, NOW, {"Power": float("nan")}), NOW) == []


@pytest.mark.parametrize("at", [None, 0, NOW + 3_600_000])
def test_an_impossible_time_is_replaced(at: int | None) -> None:
    (sample,) = SparkplugMapper([MAPPING]).samples(Values(METER, at, {"Power": 1.0}), NOW)
    assert sample.at == NOW


def test_every_problem_of_a_mapping_is_named() -> None:
    metrics = {"A": "activ_power", "B": {"quantity": "frequency", "unit": "m"}}
    entry = DeviceEntry.model_validate({"id": "m1", "group": "g", "node": "n", "metrics": metrics})
    with pytest.raises(ConfigError) as caught:
        SparkplugMapper([entry])
    assert [problem.key for problem in caught.value.problems] == [
        "sparkplug_source.device.m1.metrics.A",
        "sparkplug_source.device.m1.metrics.B",
    ]
