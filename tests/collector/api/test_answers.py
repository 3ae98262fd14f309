"""What the interface answers, held to its own description and to what was committed."""

from __future__ import annotations

import pytest

from collector.api import models
from firmware_config.messages import StationState
from tests.collector.alarms.bench import ALL, MINUTE, T0, live
from tests.collector.api.conftest import get, post

HALF_HOUR = 30 * MINUTE
START = T0 // HALF_HOUR * HALF_HOUR - 48 * HALF_HOUR
FULL = {"outbox_share@station": 0.97, "outbox_depth@station": 12, "outbox_oldest_age@station": 300.5}


def a_day(bench):
    """A day of minute records whose wind is the minute of the day."""
    records = [bench.draft({**ALL, "wind_speed@mast": float(i)}, t=START + i * MINUTE) for i in range(1440)]
    bench.commit(*records)


async def test_stations_and_centre_at_a_glance(centre):
    async with centre() as (bench, client):
        bench.born(latitude_deg=29.9, longitude_deg=122.4, platform="buoy", surface="seawater")
        queue = bench.hub.subscribe()
        bench.hub.station("buoy").state = StationState(state="online")
        bench.commit(bench.draft(ALL, t=T0 - MINUTE), bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        await bench.told(queue)
        answer = await get(client, "/api/stations")
        models.Stations.model_validate(answer)
        assert answer["now"] == T0
        assert (answer["centre"]["id"], answer["centre"]["store_ok"], answer["centre"]["clock"]) == ("centre", True, "synchronised")
        (station,) = answer["stations"]
        assert station["name"] == {"en": "Test buoy", "zh": "测试浮标"}
        assert station["queue"] == {"depth": 12.0, "oldest_age_s": 300.5, "share": 0.97}
        assert (station["state"], station["data_t"], station["heard_ms"]) == ("online", T0, T0)
        assert (station["worst"], station["alarms"]) == ({"severity": "high", "acknowledged": False}, 1)


async def test_a_station_whole(centre):
    async with centre() as (bench, client):
        bench.born()
        bench.commit(bench.draft({**ALL, "salinity@surface": None}, t=T0 - MINUTE))
        bench.live(live({"wind_speed@mast": 7.5}, t=T0 + 2000))
        answer = await get(client, "/api/stations/buoy")
        models.Detail.model_validate(answer)
        series = answer["birth"]["series"]["water_temperature@surface"]
        assert (series["unit"], series["instrument"], series["stream"]) == ("degC", "ctd", "minute")
        assert series["label"]["zh"] == "水温"
        assert answer["newest"]["salinity@surface"] == {"t": T0, "value": None, "flag": 9, "stream": "minute"}
        assert answer["newest"]["wind_speed@mast"]["value"] == 7.5
        assert answer["health"]["t"] is None
        await get(client, "/api/stations/nobody", status=404)


async def test_series_are_the_committed_values_while_they_are_few(centre):
    async with centre() as (bench, client):
        bench.born()
        a_day(bench)
        span = {"from": START, "to": START + 60 * MINUTE}
        answer = await get(client, "/api/series", station="buoy", series="wind_speed@mast,unknown@place", **span)
        models.SeriesAnswer.model_validate(answer)
        wind = answer["series"]["wind_speed@mast"]
        assert answer["bucket_ms"] == 0
        assert wind["t"] == [START + i * MINUTE for i in range(60)]
        assert wind["v"] == [float(i) for i in range(60)]
        assert wind["flag"] == [1] * 60
        assert wind["unit"] == "m s-1"
        assert answer["series"]["unknown@place"]["t"] == []


async def test_series_are_half_hour_means_when_they_are_many(centre):
    async with centre() as (bench, client):
        bench.born()
        a_day(bench)
        span = {"from": START, "to": START + 1440 * MINUTE, "points": 100}
        answer = await get(client, "/api/series", station="buoy", series="wind_speed@mast", **span)
        models.SeriesAnswer.model_validate(answer)
        wind = answer["series"]["wind_speed@mast"]
        assert answer["bucket_ms"] == HALF_HOUR
        assert wind["t"] == [START + i * HALF_HOUR for i in range(48)]
        assert wind["v"] == pytest.approx([30 * i + 14.5 for i in range(48)])
        assert (wind["min"][2], wind["max"][2]) == (60.0, 89.0)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, 400),
        ({"station": "buoy", "series": "x@y", "from": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": START, "to": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": START, "to": START - 1}, 400),
        ({"station": "buoy", "series": "x@y", "from": 0, "to": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": -5, "to": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": "now", "to": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": START - 5, "to": 2**60}, 400),
        ({"station": "buoy", "series": ",,,", "from": START - 5, "to": START}, 400),
        ({"station": "buoy", "series": ",".join(f"a{i}@b" for i in range(41)), "from": START - 5, "to": START}, 400),
        ({"station": "buoy", "series": "x" * 4001, "from": START - 5, "to": START}, 400),
        ({"station": "buoy", "series": "x@y", "from": START - 5, "to": START, "points": 0}, 400),
        ({"station": "buoy", "series": "x@y", "from": START - 5, "to": START, "points": 10**9}, 400),
        ({"station": "b' or 1=1 --", "series": "x@y", "from": START - 5, "to": START}, 400),
        ({"station": "nobody", "series": "x@y", "from": START - 5, "to": START}, 404),
        ({"station": "buoy", "series": "'; drop table record; --", "from": START - 5, "to": START}, 200),
    ],
)
async def test_what_is_asked_of_series_is_checked_and_refused_in_words(centre, parameters, status):
    async with centre() as (bench, client):
        bench.born()
        answer = await get(client, "/api/series", status=status, **{k: str(v) for k, v in parameters.items()})
        if status != 200:
            models.Problem.model_validate(answer)


async def test_alarms_open_and_all_and_their_history(centre):
    async with centre() as (bench, client):
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        await bench.told(queue)
        bench.commit(bench.draft({"outbox_share@station": 0.1}, t=T0, stream="health"))
        await bench.told(queue)
        bench.ingest["store_ok"] = False
        await bench.told(queue)
        opened = (await get(client, "/api/alarms"))["alarms"]
        assert [(a["station"], a["condition"]) for a in opened] == [("", "active"), ("buoy", "returned")]
        acknowledged = await post(client, f"/api/alarms/{opened[1]['id']}/acknowledge", {"who": "李工", "comment": "处理中"})
        models.AlarmShape.model_validate(acknowledged)
        assert (acknowledged["condition"], acknowledged["acknowledged"]["who"]) == ("cleared", "李工")
        assert [a["station"] for a in (await get(client, "/api/alarms"))["alarms"]] == [""]
        everything = await get(client, "/api/alarms", state="all")
        models.Alarms.model_validate(everything)
        assert [a["id"] for a in everything["alarms"]] == [2, 1]
        assert [a["id"] for a in (await get(client, "/api/alarms", state="all", station="buoy"))["alarms"]] == [1]
        assert [a["id"] for a in (await get(client, "/api/alarms", state="all", station="centre"))["alarms"]] == [2]
        assert [a["id"] for a in (await get(client, "/api/alarms", state="all", before=2))["alarms"]] == [1]
        assert [a["id"] for a in (await get(client, "/api/alarms", state="all", limit=1))["alarms"]] == [2]
        history = await get(client, "/api/alarms/1")
        models.AlarmHistory.model_validate(history)
        assert [row["name"] for row in history["transitions"]] == ["raised", "returned", "acknowledged", "cleared"]
        await get(client, "/api/alarms/77", status=404)
        await get(client, "/api/alarms", status=400, state="some")
        await get(client, "/api/alarms", status=400, limit=10**9)


async def test_acknowledging_what_is_not_there_what_is_over_and_without_a_name(centre):
    async with centre() as (bench, client):
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        await bench.told(queue)
        await post(client, "/api/alarms/99/acknowledge", {"who": "Li"}, status=404)
        assert "who" in (await post(client, "/api/alarms/1/acknowledge", {"comment": "x"}, status=400))["error"]
        await post(client, "/api/alarms/1/acknowledge", {"who": " \t "}, status=400)
        await post(client, "/api/alarms/1/acknowledge", {"who": "Li", "comment": "x" * 501}, status=400)
        await post(client, "/api/alarms/1/acknowledge", {"who": "Li", "colour": "red"}, status=400)
        await post(client, "/api/alarms/1/acknowledge", {"who": "Li\ud800"}, status=400)
        first = await post(client, "/api/alarms/1/acknowledge", {"who": "Li\x07", "comment": "a\nb"})
        assert first["acknowledged"] == {"who": "Li", "when_ms": T0, "comment": "a b"}
        second = await post(client, "/api/alarms/1/acknowledge", {"who": "Wang", "comment": "mine"})
        assert second["acknowledged"]["who"] == "Li"
        bench.commit(bench.draft({"outbox_share@station": 0.1}, t=T0, stream="health"))
        await bench.told(queue, lambda alarm: alarm["condition"] == "cleared")
        await post(client, "/api/alarms/1/acknowledge", {"who": "Li"}, status=409)


async def test_a_year_of_a_station_is_answered_from_means_and_small(centre):
    async with centre() as (bench, client):
        bench.born()
        day = 86_400_000
        for i in range(0, 365, 5):
            bench.commit(*[bench.draft(ALL, t=START + i * day + j * HALF_HOUR) for j in range(48)])
        span = {"from": START, "to": START + 365 * day, "points": 2000}
        answer = await get(client, "/api/series", station="buoy", series=",".join(ALL), **span)
        assert answer["bucket_ms"] > HALF_HOUR
        assert answer["bucket_ms"] % HALF_HOUR == 0
        for column in answer["series"].values():
            assert 0 < len(column["t"]) <= 2001
