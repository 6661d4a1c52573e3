"""The uplink against other brokers: TLS with the deployed certificates, and the demo's amqtt."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest
from meters import Collector, Meter, ModbusServer, running, until
from servers import Mosquitto, find, free_port
from test_edge_agent import edge_of, load, write_config

from beacon.demo.broker import embedded_broker

MAKE_CERTS = Path(__file__).parents[2] / "deploy" / "make-certs.sh"


async def test_embedded_broker_that_speaks_3_1_1_only(tmp_path: Path) -> None:
    meter = Meter()
    server = await ModbusServer({1: meter}).start()
    async with embedded_broker() as port:
        path = write_config(tmp_path, port, server.port)
        path.write_text(path.read_text().replace("tls = false", 'tls = false\nprotocol = "3.1.1"'))
        collector = Collector(port, protocol="3.1.1")
        task = asyncio.create_task(collector.run())
        await asyncio.wait_for(collector.ready.wait(), 10)
        with running(task):
            async with edge_of(load(path)) as edge:
                await until(lambda: len(collector.samples) >= 5)
                meter.silent = True
                await until(lambda: edge.spool.depth.batches == 0)
                assert edge.recorder.samples_taken == len(collector.samples)
            await until(lambda: collector.statuses[-1]["online"] is False)
    await server.stop()


@pytest.mark.server
async def test_certificates_of_the_deployment(tmp_path: Path) -> None:
    if find("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    certs = tmp_path / "certs"
    for arguments in (["ca"], ["server", "localhost", "127.0.0.1"], ["edge", "campus", "pi-1"]):
        command = [str(MAKE_CERTS), str(certs), *arguments]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    port, open_port = free_port(), free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"per_listener_settings true\nuser root\nlistener {open_port} 127.0.0.1\nallow_anonymous true\n"
        f"listener {port} 127.0.0.1\ncafile {certs}/ca.crt\ncertfile {certs}/server.crt\n"
        f"keyfile {certs}/server.key\nrequire_certificate true\nuse_identity_as_username true\n"
    )
    broker = Mosquitto(tmp_path, config=config, port=port)
    broker.start()
    server = await ModbusServer({1: Meter()}).start()
    path = write_config(tmp_path, port, server.port)
    text = path.read_text()
    edge_name = next(certs.glob("*pi-1*.crt")).with_suffix("")
    secured = f'ca_file = "{certs}/ca.crt"\ncert_file = "{edge_name}.crt"\nkey_file = "{edge_name}.key"'
    path.write_text(text.replace("tls = false", secured))
    collector = Collector(open_port)
    task = asyncio.create_task(collector.run())
    await asyncio.wait_for(collector.ready.wait(), 10)
    with running(task):
        async with edge_of(load(path)):
            await until(lambda: len(collector.samples) >= 3)
    broker.stop()
    await server.stop()


@pytest.mark.server
async def test_devices_that_publish_by_themselves(tmp_path: Path, mosquitto: Mosquitto) -> None:
    import aiomqtt

    server = await ModbusServer({1: Meter()}).start()
    path = write_config(tmp_path, mosquitto.port, server.port)
    path.write_text(
        path.read_text() + f'[[mqtt_source]]\nname = "house"\nhost = "127.0.0.1"\nport = {mosquitto.port}\n'
        '[[mqtt_source.device]]\nid = "plug"\nprofile = "tasmota"\ntopic = "desk"\n'
    )
    collector = Collector(mosquitto.port)
    task = asyncio.create_task(collector.run())
    await asyncio.wait_for(collector.ready.wait(), 10)
    with running(task):
        async with edge_of(load(path)) as edge, aiomqtt.Client("127.0.0.1", mosquitto.port) as plug:
            assert edge.status().devices["plug"] == "nothing received yet"
            await until(lambda: edge.mqtt_sources[0].connected)
            await plug.publish("tele/desk/SENSOR", '{"ENERGY":{"Total":12.5,"Power":60,"Voltage":230}}')
            await until(lambda: any(device == "plug" for device, _ in collector.samples))
            await plug.publish("tele/desk/SENSOR", "{nonsense")
            await until(lambda: "plug" in edge.source_errors)
            assert edge.status().devices["plug"] != "ok"
    values = next(values for (device, _), values in collector.samples.items() if device == "plug")
    assert {12.5, 0.06, 230.0} <= set(values)
    await server.stop()


@pytest.mark.server
async def test_a_broker_that_hangs_does_not_hold_the_edge_back(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The goodbye cannot be sent, and the edge ends all the same."""
    server = await ModbusServer({1: Meter()}).start()
    assert mosquitto.process is not None
    async with asyncio.timeout(15):
        async with edge_of(load(write_config(tmp_path, mosquitto.port, server.port))) as edge:
            await until(lambda: edge.uplink.connected)
            mosquitto.process.send_signal(signal.SIGSTOP)
    mosquitto.process.send_signal(signal.SIGCONT)
    await server.stop()
