/**
 * The coastline of the page, cut at build time from the land polygons of the `world-atlas` package (Natural Earth, public domain).
 *
 * Runs in the folder of the page, where its packages are. Fine land inside the home box (the Zhejiang coast), coarse land around it. Promises: plain numbers, no names, no political borders.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { MultiPolygon, Position } from "geojson";
import type { Box, Coast, Land } from "../src/map/coast.ts";
import { feature } from "topojson-client";
import type { Topology, GeometryCollection } from "topojson-specification";


export const HOME: Box = { west: 117, south: 26, east: 126, north: 32 };
const AROUND: Box = { west: 110, south: 18, east: 137, north: 42 };
const FINE_SCALE = 1_000; // steps per degree: about 100 m, finer than the source
const COARSE_SCALE = 100;

type Side = { inside: (p: Position) => boolean; cross: (a: Position, b: Position) => Position };

function sides(box: Box): Side[] {
  const atLongitude = (x: number) => (a: Position, b: Position): Position => [x, y(a, b, x)];
  const atLatitude = (v: number) => (a: Position, b: Position): Position => [x(a, b, v), v];
  const y = (a: Position, b: Position, at: number) => a[1]! + ((b[1]! - a[1]!) * (at - a[0]!)) / (b[0]! - a[0]!);
  const x = (a: Position, b: Position, at: number) => a[0]! + ((b[0]! - a[0]!) * (at - a[1]!)) / (b[1]! - a[1]!);
  return [
    { inside: (p) => p[0]! >= box.west, cross: atLongitude(box.west) },
    { inside: (p) => p[0]! <= box.east, cross: atLongitude(box.east) },
    { inside: (p) => p[1]! >= box.south, cross: atLatitude(box.south) },
    { inside: (p) => p[1]! <= box.north, cross: atLatitude(box.north) },
  ];
}

/** A closed ring cut to the box (Sutherland and Hodgman 1974); empty when nothing is left. */
export function clipRing(ring: Position[], box: Box): Position[] {
  let points = ring.slice(0, -1);
  for (const side of sides(box)) {
    const next: Position[] = [];
    points.forEach((point, i) => {
      const before = points[(i + points.length - 1) % points.length]!;
      if (side.inside(point)) {
        if (!side.inside(before)) next.push(side.cross(before, point));
        next.push(point);
      } else if (side.inside(before)) {
        next.push(side.cross(before, point));
      }
    });
    points = next;
  }
  return points.length > 2 ? [...points, points[0]!] : [];
}

/** The ring as whole steps, each point as the difference to the one before; points that fall together are left out. */
function packed(ring: Position[], scale: number): number[] {
  const steps: number[] = [];
  let [x, y] = [0, 0];
  ring.forEach((point, i) => {
    const [dx, dy] = [Math.round(point[0]! * scale) - x, Math.round(point[1]! * scale) - y];
    if (i > 0 && dx === 0 && dy === 0) return;
    steps.push(dx, dy);
    [x, y] = [x + dx, y + dy];
  });
  return steps;
}

function land(file: string, box: Box, scale: number): Land {
  const topology = createRequire(join(process.cwd(), "package.json"))(file) as Topology<{ land: GeometryCollection }>;
  const result: Land = { box, scale, rings: [] };
  for (const { geometry } of feature(topology, topology.objects.land).features) {
    for (const polygon of (geometry as MultiPolygon).coordinates) {
      for (const ring of polygon) {
        const steps = packed(clipRing(ring, box), scale);
        if (steps.length > 6) result.rings.push(steps);
      }
    }
  }
  return result;
}

/** Cut both coasts. */
export function makeCoast(): Coast {
  return { fine: land("world-atlas/land-10m.json", HOME, FINE_SCALE), coarse: land("world-atlas/land-50m.json", AROUND, COARSE_SCALE) };
}
