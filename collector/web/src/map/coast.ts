/** The shape of the coast data and which of its edges are shore. Pure; the data are cut at build time by tools/coast.ts. */
import type { Position } from "geojson";

/** Degrees. */
export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Closed rings of land cut to the box, packed: x, y, dx, dy, … in steps of 1/scale degree (longitude, latitude). */
export interface Land {
  box: Box;
  scale: number;
  rings: number[][];
}

export interface Coast {
  fine: Land;
  coarse: Land;
}

/** A packed ring as [longitude, latitude] in degrees. */
export function unpack(steps: number[], scale: number): Position[] {
  const ring: Position[] = [];
  let [x, y] = [0, 0];
  for (let i = 0; i + 1 < steps.length; i += 2) {
    [x, y] = [x + steps[i]!, y + steps[i + 1]!];
    ring.push([x / scale, y / scale]);
  }
  return ring;
}

/** The parts of a cut ring that are shore: everything but the stretches along the edge of the box, which were never a coast. */
export function shoreOf(ring: Position[], box: Box): Position[][] {
  const alongEdge = (a: Position, b: Position) =>
    (a[0] === b[0] && (a[0] === box.west || a[0] === box.east)) || (a[1] === b[1] && (a[1] === box.south || a[1] === box.north));
  const lines: Position[][] = [];
  let line: Position[] = [];
  for (let i = 1; i < ring.length; i += 1) {
    const [a, b] = [ring[i - 1]!, ring[i]!];
    if (alongEdge(a, b)) {
      if (line.length > 1) lines.push(line);
      line = [];
      continue;
    }
    if (line.length === 0) line.push(a);
    line.push(b);
  }
  if (line.length > 1) lines.push(line);
  return lines;
}
