/** A Leaflet map with the coast of Zhejiang as its ground: no tiles, no network. Colours come from the style sheet (classes). */
import * as L from "leaflet";
import type { Position } from "geojson";
import { shoreOf, unpack, type Coast, type Land } from "./coast";

const OVER: L.LatLngBoundsLiteral = [[14, 104], [46, 142]];

export function makeMap(element: HTMLElement, words: { zoomIn: string; zoomOut: string }): L.Map {
  const map = L.map(element, {
    attributionControl: false,
    zoomControl: false,
    minZoom: 4,
    maxZoom: 17,
    zoomSnap: 0.5,
    maxBounds: OVER,
    maxBoundsViscosity: 0.8,
    worldCopyJump: false,
  });
  L.control.zoom({ zoomInTitle: words.zoomIn, zoomOutTitle: words.zoomOut }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.createPane("ground").style.zIndex = "210";
  map.createPane("home").style.zIndex = "220";
  map.createPane("site").style.zIndex = "230";
  let removed = false;
  map.on("unload", () => (removed = true));
  void import("virtual:coast").then(
    (module) => removed || drawCoast(map, module.default),
    () => undefined, // without it the stations still stand in place
  );
  return map;
}

function drawCoast(map: L.Map, coast: Coast): void {
  const { west, south, east, north } = coast.fine.box;
  drawLand(map, coast.coarse, "ground");
  L.rectangle([[south, west], [north, east]], { pane: "home", className: "map-sea", interactive: false, stroke: false }).addTo(map);
  drawLand(map, coast.fine, "home");
}

function drawLand(map: L.Map, land: Land, pane: string): void {
  const fixed = { pane, interactive: false } as const;
  const at = (line: Position[]): L.LatLngExpression[] => line.map(([longitude, latitude]) => [latitude!, longitude!]);
  const rings = land.rings.map((steps) => unpack(steps, land.scale));
  for (const ring of rings) L.polygon(at(ring), { ...fixed, className: "map-land", stroke: false, smoothFactor: 0.5 }).addTo(map);
  for (const ring of rings) {
    for (const line of shoreOf(ring, land.box)) L.polyline(at(line), { ...fixed, className: "map-shore", smoothFactor: 0.5 }).addTo(map);
  }
}
