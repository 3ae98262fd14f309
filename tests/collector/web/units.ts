/** Truths about the pure parts of the page. Bundled and run under Node by test_build.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clipRing, makeCoast, HOME } from "../../../collector/web/tools/coast";
import * as decode from "../../../collector/web/src/api/decode";
import type { Alarm, Detail, Segment, Summary } from "../../../collector/web/src/api/types";
import { carbonFlux } from "../../../collector/web/src/overview/facts";
import { isProduct } from "../../../collector/web/src/station/products";
import { matches } from "../../../collector/web/src/alarms/filter";
import { STRINGS } from "../../../collector/web/src/language/strings";
import { parts } from "../../../collector/web/src/format/series";
import { age, clockTime, DAY, date, dayStart, HOUR, MINUTE, SECOND } from "../../../collector/web/src/format/time";
import { numberText, unitText, valueText } from "../../../collector/web/src/format/value";
import { shoreOf, unpack } from "../../../collector/web/src/map/coast";
import { freshness } from "../../../collector/web/src/state/freshness";
import { byUrgency, worstFirst } from "../../../collector/web/src/state/order";
import { WorldClock } from "../../../collector/web/src/state/world";
import { joined, lineOf, nearest, usualSpacing, valueRange, type Point } from "../../../collector/web/src/station/chart/prepare";
import { light } from "../../../collector/web/src/station/light";
import { mergeSegments, shareGot } from "../../../collector/web/src/station/segments";

type Say = Parameters<typeof age>[1];
const en: Say = (key, fields = {}) => STRINGS[key].en.replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name]));

const point = (t: number, v: number | null, flag = 1): Point => ({ t, v, flag, class: null, min: null, max: null });
const shape = (line: { v: number | null }[]) => line.map((p) => p.v);

test("a missing record breaks the line", () => {
  assert.deepEqual(shape(lineOf([point(0, 1), point(60, 2), point(240, 3)], 60)), [1, 2, null, 3]);
  assert.deepEqual(shape(lineOf([point(0, 1), point(61, 2), point(119, 3)], 60)), [1, 2, 3], "a little jitter is no gap");
});

test("failed and missing values break the line but stay among the points; suspect ones are drawn through", () => {
  assert.deepEqual(shape(lineOf([point(0, 1), point(60, 99, 4), point(120, 2, 3), point(180, null, 9)], 60)), [1, null, 2, null]);
});

test("lines of different times share one axis without inventing values", () => {
  const [times, a, b] = joined([[{ t: 0, v: 1 }, { t: 10, v: null }], [{ t: 5, v: 2 }]]);
  assert.deepEqual(times, [0, 5, 10]);
  assert.deepEqual([a, b], [[1, undefined, null], [undefined, 2, undefined]]);
});

test("the scale holds every value that did not fail", () => {
  const [low, high] = valueRange([{ series: "a", label: "", points: [point(0, 3), point(1, 5, 3), point(2, 1e9, 4)] }]);
  assert.ok(low <= 3 && high >= 5 && high < 10);
  const [onlyLow, onlyHigh] = valueRange([{ series: "a", label: "", points: [point(0, 700, 4)] }]);
  assert.ok(onlyLow < 700 && onlyHigh > 700, "when everything failed, that is shown");
  const [flatLow, flatHigh] = valueRange([{ series: "a", label: "", points: [point(0, 0), point(1, 0)] }]);
  assert.ok(flatLow < 0 && flatHigh > 0);
  const [nearLow, nearHigh] = valueRange([{ series: "a", label: "", points: [point(0, -15.25331), point(1, -15.253308)] }]);
  assert.ok(nearHigh - nearLow > 0.1, "two roundings of one number are no cliff");
  const [airLow, airHigh] = valueRange([{ series: "a", label: "", points: [point(0, 1013.2), point(1, 1013.3)] }]);
  assert.ok(airHigh - airLow < 0.2, "a small change of a large number is seen");
});

test("the usual spacing is the period, else what is found", () => {
  assert.equal(usualSpacing([point(0, 1), point(7, 1)], 60_000), 60);
  assert.equal(usualSpacing([point(0, 1)], 0), Infinity);
  const found = usualSpacing([point(0, 1), point(10, 1), point(20, 1), point(500, 1)], 0);
  assert.ok(found >= 10 && found < 300);
});

test("the nearest point is found within reach only", () => {
  const points = [point(0, 1), point(10, 2), point(20, 3)];
  assert.equal(nearest(points, 14, 6)?.v, 2);
  assert.equal(nearest(points, 100, 6), null);
  assert.equal(nearest([], 1, 6), null);
});

test("the world's clock is learned from the server, whatever its speed", () => {
  for (const speed of [1, 5, 60, 300]) {
    let real = 1000;
    const clock = new WorldClock(() => real);
    const world = () => 1_700_000_000_000 + (real - 1000) * speed;
    for (let i = 0; i < 6; i += 1) {
      clock.hear(world());
      real += 5000;
    }
    assert.ok(Math.abs(clock.speed / speed - 1) < 0.01, `speed ${speed}`);
    assert.ok(Math.abs(clock.now() - world()) < 0.01 * 5000 * speed);
  }
});

test("a server that comes back with another time is believed", () => {
  let real = 0;
  const clock = new WorldClock(() => real);
  for (const world of [1_000_000, 1_005_000, 1_010_000]) {
    clock.hear(world);
    real += 5000;
  }
  clock.hear(9_000_000);
  assert.equal(clock.now(), 9_000_000);
  real += 5000;
  clock.hear(9_005_000);
  assert.equal(clock.speed, 1);
  clock.hear(500_000);
  assert.equal(clock.now(), 500_000, "also when it went back");
});

test("station days are Beijing days", () => {
  const t = Date.UTC(2026, 10, 22, 16, 30); // 00:30 on the 23rd in Beijing
  assert.equal(date(t, "Asia/Shanghai"), "2026-11-23");
  assert.equal(dayStart(t, "Asia/Shanghai"), Date.UTC(2026, 10, 22, 16, 0));
  assert.equal(dayStart(t, "UTC"), Date.UTC(2026, 10, 22));
  assert.equal(dayStart(t, "Asia/Kathmandu"), Date.UTC(2026, 10, 22, 18, 15) - DAY, "an offset of three quarters of an hour");
  assert.equal(clockTime(t, "Asia/Shanghai"), "00:30:00");
  assert.equal(clockTime(t, "Mars/Olympus"), "16:30:00", "an unknown zone is shown in UTC");
});

test("ages are read as people say them", () => {
  const told = [-5 * SECOND, 35 * SECOND, 12 * MINUTE, 3 * HOUR + 20 * MINUTE, 2 * DAY + 4 * HOUR, 40 * DAY].map((ms) => age(ms, en));
  assert.deepEqual(told, ["0 s", "35 s", "12 min", "3 h 20 min", "2 d 4 h", "40 d"]);
});

test("units keep their meaning in proper type", () => {
  assert.equal(unitText("umol m-2 s-1"), "µmol m⁻² s⁻¹");
  assert.equal(unitText("kg m-1 s-2"), "kg m⁻¹ s⁻²");
  assert.equal(unitText("m2 s-2"), "m² s⁻²");
  assert.equal(unitText("degC"), "°C");
  assert.equal(unitText("uatm"), "µatm");
  assert.equal(unitText("1"), "");
  assert.equal(unitText("%"), "%");
});

test("numbers are rounded, never changed in kind", () => {
  assert.equal(numberText(-3.18174), "−3.18");
  assert.equal(numberText(1013.2468), "1013.2");
  assert.equal(numberText(121.181, "longitude"), "121.18100");
  assert.equal(numberText(-0.0001), "−1.0e−4");
  assert.equal(numberText(0), "0");
  assert.equal(valueText(null, "m"), "–");
  assert.equal(valueText("open", ""), "open");
  for (const v of [12345.678, 0.04217, 999.96, -17.05, 3e-7, 4.2e12]) {
    const read = Number(numberText(v).replaceAll("−", "-"));
    assert.ok(Math.abs(read - v) <= 0.06 * Math.abs(v), `${v} reads ${read}`);
  }
});

test("series names come apart", () => {
  assert.deepEqual(parts("wind_w:sd@mast"), { quantity: "wind_w", statistic: "sd", place: "mast" });
  assert.deepEqual(parts("co2_flux@tower"), { quantity: "co2_flux", statistic: "", place: "tower" });
  assert.deepEqual(parts("odd"), { quantity: "odd", statistic: "", place: "" });
});

test("data are fresh, late, silent; nothing at all is silent", () => {
  const now = 1e12;
  assert.equal(freshness(now - MINUTE, now), "fresh");
  assert.equal(freshness(now - 5 * MINUTE, now), "late");
  assert.equal(freshness(now - HOUR, now), "silent");
  assert.equal(freshness(null, now), "silent");
});

const alarm = (fields: Partial<Alarm>): Alarm => ({ ...decode.alarm({ id: 1, key: "k", severity: "low", condition: "active" })!, ...fields });
const mine = { who: "x", when_ms: 0, comment: "" };

test("what nobody has seen comes first, then severity, then the newest", () => {
  const order = [
    alarm({ id: "a", severity: "high", raised_ms: 2 }),
    alarm({ id: "b", severity: "high", raised_ms: 1 }),
    alarm({ id: "c", severity: "low" }),
    alarm({ id: "d", severity: "high", condition: "returned" }),
    alarm({ id: "e", severity: "high", acknowledged: mine }),
    alarm({ id: "f", severity: "high", condition: "cleared" }),
  ];
  assert.deepEqual([...order].reverse().sort(byUrgency).map((a) => a.id), ["a", "b", "c", "d", "e", "f"]);
});

test("the worst station is on top and healthy ones at the end", () => {
  const now = 1e12;
  const station = (id: string, fields: Partial<Summary>): Summary => ({ ...decode.summary({ id, state: "online", data_t: now })!, ...fields });
  const stations = [
    station("good", {}),
    station("silent", { data_t: null }),
    station("acknowledged", { worst: { severity: "high", acknowledged: true } }),
    station("low", { worst: { severity: "low", acknowledged: false } }),
    station("high", { worst: { severity: "high", acknowledged: false } }),
  ];
  assert.deepEqual(worstFirst(stations, now, 1).map((s) => s.id), ["high", "low", "acknowledged", "silent", "good"]);
});

test("filters let through what they name", () => {
  const one = alarm({ title: { en: "Pump stopped", zh: "泵停止" }, station: "buoy", acknowledged: mine });
  const all = { severity: "", state: "", words: "" };
  assert.ok(matches(one, { ...all, words: "PUMP buoy" }) && matches(one, { ...all, words: "泵" }));
  assert.ok(!matches(one, { ...all, words: "pump tower" }) && !matches(one, { ...all, state: "unack" }) && !matches(one, { ...all, severity: "high" }));
});

test("an instrument that is not well never shines", () => {
  const health = { good: 100, bad: 0, timeouts: 0, skipped: 0, last_age_s: 1, state: "ok", reasons: {} };
  assert.equal(light(health), "ok");
  assert.equal(light({ ...health, timeouts: 10 }), "warn");
  for (const state of ["silent", "invalid", "a word of tomorrow"]) assert.equal(light({ ...health, state }), "bad");
  assert.equal(light(undefined), "unknown");
});

test("a ribbon is cut to its window, and its share counts what was due", () => {
  const of = (from: number, to: number, state: Segment["state"]): Segment => ({ from, to, state, reason: "" });
  const merged = mergeSegments([of(50, 60, "got"), of(-10, 50, "got"), of(60, 80, "lost"), of(80, 90, "unused"), of(90, 200, "expected")], 0, 100);
  assert.deepEqual(merged.map((s) => [s.from, s.to, s.state]), [[0, 60, "got"], [60, 80, "lost"], [80, 90, "unused"], [90, 100, "expected"]]);
  assert.equal(shareGot(merged), 0.75);
  assert.equal(shareGot([]), null);
});

test("the coast: cut inside its box, and the edge of the box is no shore", () => {
  const box = { west: 0, south: 0, east: 10, north: 10 };
  const square = [[-5, -5], [5, -5], [5, 5], [-5, 5], [-5, -5]];
  const cut = clipRing(square, box);
  assert.deepEqual(new Set(cut.map(String)), new Set(["0,0", "5,0", "5,5", "0,5"]));
  assert.deepEqual(shoreOf(cut, box).flat().map(String).sort(), ["0,5", "5,0", "5,5"].sort());
  assert.deepEqual(clipRing([[20, 20], [30, 20], [30, 30], [20, 20]], box), []);
  const { fine } = makeCoast();
  const points = fine.rings.flatMap((ring) => unpack(ring, fine.scale));
  assert.ok(points.length > 1000);
  assert.ok(points.every(([x, y]) => x! >= HOME.west && x! <= HOME.east && y! >= HOME.south && y! <= HOME.north));
});

test("land and sea are where they are", () => {
  const { fine } = makeCoast();
  const rings = fine.rings.map((ring) => unpack(ring, fine.scale));
  const onLand = (x: number, y: number) => rings.filter((ring) => inside(ring, x, y)).length % 2 === 1;
  assert.ok(onLand(120.15, 30.25), "Hangzhou");
  assert.ok(onLand(122.1, 30.05), "Zhoushan island");
  assert.ok(!onLand(123.5, 29.5), "East China Sea");
  assert.ok(!onLand(121.2, 30.5), "Hangzhou Bay");
});

function inside(ring: number[][], x: number, y: number): boolean {
  let odd = false;
  for (let i = 1; i < ring.length; i += 1) {
    const [[ax, ay], [bx, by]] = [ring[i - 1] as [number, number], ring[i] as [number, number]];
    if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) odd = !odd;
  }
  return odd;
}

test("whatever the server says, reading it never fails and never sounds healthier than it is", () => {
  const odd: unknown[] = [null, undefined, 0, "", "x", NaN, [], [[]], {}, { id: "s" }, { id: 7 }, [1, "2", null], { t: [1, "x", null], v: [null], flag: "4" }];
  const wrapped = odd.flatMap((x) => [x, { stations: x }, { stations: [x] }, { series: { a: x } }, { streams: [x] }, { alarms: [x] }, { birth: x, newest: { a: x }, health: x }]);
  const readers = [decode.stationsAnswer, decode.detail, decode.seriesAnswer, decode.ledger, decode.alarms, decode.alarm, decode.summary, decode.me, decode.centre, decode.liveValues, decode.recordValues];
  for (const read of readers) for (const x of wrapped) read(x);
  assert.equal(decode.alarm({ id: 1, severity: "catastrophic" })?.severity, "high");
  assert.equal(decode.summary({ id: "s", state: "splendid" })?.state, "unknown");
  assert.equal(decode.me({}).may_acknowledge, false);
  const unsorted = decode.seriesAnswer({ series: { a: { t: [2, 1, "x"], v: [20, 10, 5], flag: [3, 1, 1] } } }).series["a"]!;
  assert.deepEqual([unsorted.t, unsorted.v, unsorted.flag], [[1, 2], [10, 20], [1, 3]]);
});

test("every sentence has the same gaps in both languages", () => {
  const gaps = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
  for (const [key, { en, zh }] of Object.entries(STRINGS)) {
    assert.deepEqual(gaps(en), gaps(zh), key);
    assert.ok(en.trim() && zh.trim(), key);
  }
});

const detail = (newest: [string, number, number][]): Detail => ({
  id: "buoy",
  series: Object.fromEntries(newest.map(([series]) => [series, { unit: "u", label: { en: "", zh: "" }, instrument: "", tests: [], stream: series.startsWith("w") ? "minute" : "eddy" }])),
  streams: { minute: MINUTE, eddy: 30 * MINUTE },
  instruments: [],
  site: null,
  health: { t: null, values: {}, instruments: {}, clock: "" },
  newest: Object.fromEntries(newest.map(([series, value, flag]) => [series, { t: 0, value, flag, stream: "eddy", class: null }])),
});

test("the flux beside a station is one that can be used: eddy first, unless it failed", () => {
  assert.equal(carbonFlux(detail([["air_sea_co2_flux@surface", 2, 1], ["co2_flux@mast", -3, 3]]))?.series, "co2_flux@mast");
  assert.equal(carbonFlux(detail([["air_sea_co2_flux@surface", 2, 1], ["co2_flux@mast", -3, 4]]))?.series, "air_sea_co2_flux@surface");
  assert.equal(carbonFlux(detail([["co2_flux@mast", -3, 4]]))?.newest.flag, 4, "a failed one is better than none, and says so");
  assert.equal(carbonFlux(undefined), null);
});

test("what is computed over more than a minute is a product", () => {
  const found = detail([["co2_flux@mast", 1, 1], ["wind_speed@mast", 5, 1]]);
  assert.deepEqual([isProduct(found, "co2_flux@mast"), isProduct(found, "wind_speed@mast"), isProduct(found, "unheard@of"), isProduct(undefined, "co2_flux@mast")], [true, false, false, false]);
});
