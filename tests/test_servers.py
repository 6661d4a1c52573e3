"""The proxy is the one thing between influxdb-client and a real engine: it must not change a value."""

from __future__ import annotations

import json
import urllib.request

import pytest
from servers import InfluxDB


@pytest.mark.server
def test_v2_write_reaches_the_engine(influxdb: InfluxDB) -> None:
    influxdb.query('CREATE DATABASE "proxied"')
    request = urllib.request.Request(
        f"{influxdb.url}/api/v2/write?org=x&bucket=proxied&precision=ms",
        data=b"electricity,device=d active_power_total=1.25 1760000000123",
        method="POST",
    )
    assert urllib.request.urlopen(request, timeout=10).status == 204
    answer = json.loads(influxdb.query("SELECT active_power_total FROM electricity", "proxied"))
    assert answer["results"][0]["series"][0]["values"] == [[1760000000123, 1.25]]
