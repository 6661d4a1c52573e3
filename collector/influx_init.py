"""`beacon collector init` for InfluxDB: buckets, retention and the mappings that InfluxQL needs."""

# influxdb-client declares its types only in part.
# mypy: disable-error-code="attr-defined, no-untyped-call"

from __future__ import annotations

import urllib3
from influxdb_client import BucketRetentionRules, DBRPCreate, DBRPsService
from influxdb_client.client.bucket_api import BucketsApi
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.domain.bucket import Bucket
from influxdb_client.rest import ApiException

from collector.influx_http import InfluxHttp
from collector.settings import InfluxSettings
from drivers.errors import BeaconError

DAY_S = 86_400


def prepare(settings: InfluxSettings) -> list[str]:
    """Make what is missing; returns what was done, one line each. Doing it again changes nothing.

    Raises StoreUnavailable or BeaconError with what to do.
    """
    http = InfluxHttp(settings)
    try:
        version = http.version()
        if version.startswith("1."):
            return [f"InfluxDB {version} at {settings.url}", *_databases(http)]
        if version.startswith("3."):
            return [f"InfluxDB {version} at {settings.url}", *_databases_v3(http)]
        return [f"InfluxDB {version or '2.x'} at {settings.url}", *_buckets(http)]
    finally:
        http.close()


def _retentions(settings: InfluxSettings) -> tuple[tuple[str, int], ...]:
    """(bucket, days), 0 days: for ever."""
    return (settings.bucket_raw, settings.raw_retention_days), (settings.bucket_energy, 0)


def _databases(http: InfluxHttp) -> list[str]:
    done: list[str] = []
    for name, days in _retentions(http.settings):
        http.query("", f'CREATE DATABASE "{name}"', method="POST")
        duration = f"{days}d" if days else "INF"
        http.query(
            "", f'ALTER RETENTION POLICY "autogen" ON "{name}" DURATION {duration} DEFAULT', method="POST"
        )
        done.append(f"database {name}: {_kept(days)}")
    return done


def _databases_v3(http: InfluxHttp) -> list[str]:
    """3.x makes databases when they are first written; retention is set with its own tool."""
    return [
        f"database {name}: made by the first write"
        + (
            f"; set its retention with: influxdb3 create database {name} --retention-period {days}d"
            if days
            else ""
        )
        for name, days in _retentions(http.settings)
    ]


def _buckets(http: InfluxHttp) -> list[str]:
    try:
        return [text for name, days in _retentions(http.settings) for text in _bucket(http, name, days)]
    except ApiException as error:
        if error.status in (401, 403):
            raise BeaconError(
                f"InfluxDB at {http.settings.url} refuses the token ({error.status}): init needs an "
                "all-access or operator token in BEACON_INFLUX_TOKEN; the collector runs with less"
            ) from error
        raise BeaconError(f"InfluxDB at {http.settings.url}: {error.status} {error.reason}") from error
    except InfluxDBError as error:
        raise BeaconError(
            f"InfluxDB at {http.settings.url} knows no organisation {http.settings.org!r} "
            "that this token may see: check store.org"
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise http.unreachable(error) from error


def _bucket(http: InfluxHttp, name: str, days: int) -> list[str]:
    api: BucketsApi = http.client.buckets_api()
    bucket: Bucket | None = api.find_bucket_by_name(name)
    rules = BucketRetentionRules(type="expire", every_seconds=days * DAY_S)
    if bucket is None:
        bucket = api.create_bucket(bucket_name=name, retention_rules=[rules], org=http.settings.org)
        done = [f"bucket {name}: made, {_kept(days)}"]
    elif (bucket.retention_rules[0].every_seconds if bucket.retention_rules else 0) == days * DAY_S:
        done = [f"bucket {name}: is there, {_kept(days)}"]
    else:
        bucket.retention_rules = [rules]
        api.update_bucket(bucket)
        done = [f"bucket {name}: retention changed, {_kept(days)}"]
    mappings = DBRPsService(http.client.api_client)
    found = mappings.get_dbr_ps(org=http.settings.org, bucket_id=bucket.id).content or []
    if any(each.database == name and not getattr(each, "virtual", False) for each in found):
        return done
    mappings.post_dbrp(
        DBRPCreate(
            bucket_id=bucket.id,
            database=name,
            retention_policy="autogen",
            default=True,
            org=http.settings.org,
        )
    )
    return [*done, f"bucket {name}: readable by InfluxQL as database {name}"]


def _kept(days: int) -> str:
    return f"kept {days} days" if days else "kept for ever"
