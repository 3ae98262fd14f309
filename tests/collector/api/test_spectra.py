"""A record of spectra has no value and a large detail: the centre keeps it as it is, tells the database that it was there, and the page goes
on."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from collector.api import models
from collector.export import export_json_lines
from collector.sink.lines import fields_of, line_of
from collector.store.queries import Reader
from collector.store.store import Batch, Store
from firmware_config.messages import StationState
from tests.collector.alarms.bench import ALL, MINUTE, T0
from tests.collector.api.conftest import get
from tests.collector.making import HALF_HOUR, made
from tests.collector.sink.test_sink import NOW, Driven
from tests.servers import Influx1

BINS = 50
COLUMNS = {f"cospectrum_{i}": [1.234e-05 * (j + 1) for j in range(BINS)] for i in range(18)}
DETAIL = {"place": "mast", **COLUMNS, "ogive_co2": [None] * BINS}
FIELDS = {"stream": "spectra", "dt": HALF_HOUR, "values": {}, "flags": {}, "detail": DETAIL}


async def test_the_page_goes_on_and_the_ledger_counts_them(centre):
    async with centre() as (bench, client):
        bench.born()
        bench.hub.station("buoy").state = StationState(state="online")
        spectra = bench.draft({}, t=T0 - HALF_HOUR, stream="spectra", dt=HALF_HOUR, detail=DETAIL)
        bench.commit(spectra, bench.draft(ALL, t=T0 - MINUTE))
        detail = await get(client, "/api/stations/buoy")
        models.Detail.model_validate(detail)
        assert {one["stream"] for one in detail["newest"].values()} == {"minute"}
        models.Stations.model_validate(await get(client, "/api/stations"))
        ledger = await get(client, "/api/ledger", station="buoy", **{"from": T0 - 48 * HALF_HOUR, "to": T0})
        models.LedgerAnswer.model_validate(ledger)
        assert "spectra" in {stream["stream"] for stream in ledger["streams"]}
        with closing(Reader(bench.store.path)) as reader:
            kept = reader.numbered("buoy", "spectra", 1, 0)
            out = io.StringIO()
            assert export_json_lines(reader.records("buoy", "spectra", 0, 2**50), out, lambda t: None) == 1
        assert kept.body == spectra.body
        assert json.loads(out.getvalue())["detail"] == json.loads(json.dumps(DETAIL))


def test_the_line_of_a_record_without_values_says_that_it_was_there():
    record = made(3, **FIELDS).record
    assert line_of(record, fields_of(record)) == f"spectra,station=st-a epoch=1i,seq=3i,version=0i,dt={HALF_HOUR}i {record.t * 1_000_000}"


@pytest.mark.needs("influxd")
def test_a_database_takes_them(tmp_path: Path, influxd: Influx1) -> None:
    store = Store(tmp_path / "store.db")
    store.commit(Batch([made(1, **FIELDS), made(2)]), NOW)
    with Driven(store, influxd.url) as driven:
        driven.drain()
        assert driven.sink.cursor == store.top_id
        assert (driven.sink.parked, driven.facts) == (0, [])
    store.close()
