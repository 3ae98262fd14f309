/** What uPlot does not draw by itself: the range of a rollup, and one mark per point whose shape and colour say its flag or class. */
import type uPlot from "uplot";
import { FLAG_FAIL, FLAG_MISSING, FLAG_SUSPECT, type Point, type Track } from "./prepare";

/** Colours of the style sheet that is in force (light or dark). */
export interface Palette {
  text: string;
  grid: string;
  tracks: string[];
  band: string;
  suspect: string;
  fail: string;
  classes: string[];
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(name).trim() || "#888";
  return {
    text: of("--muted"),
    grid: of("--grid"),
    tracks: ["--track-1", "--track-2", "--track-3", "--track-4"].map(of),
    band: of("--band"),
    suspect: of("--suspect"),
    fail: of("--fail"),
    classes: ["--class-0", "--class-1", "--class-2"].map(of),
  };
}

export const DASHES: number[][] = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const DENSE_PX = 7;

/** The band between smallest and largest value of each rollup. */
export function drawBands(u: uPlot, tracks: Track[], palette: Palette, spacing: number): void {
  const { ctx } = u;
  ctx.save();
  clip(u);
  ctx.fillStyle = palette.band;
  const half = spacing / 2;
  for (const { points } of tracks) {
    for (const p of points) {
      if (p.min === null || p.max === null) continue;
      const [left, right] = [u.valToPos(p.t - half, "x", true), u.valToPos(p.t + half, "x", true)];
      const [top, bottom] = [u.valToPos(p.max, "y", true), u.valToPos(p.min, "y", true)];
      ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
    }
  }
  ctx.restore();
}

/** Marks: suspect a triangle, fail a cross (at the edge, with an arrow, when beyond the scale), classes their signs, good ones a dot where there is room. */
export function drawMarks(u: uPlot, tracks: Track[], palette: Palette, dots: boolean): void {
  const { ctx } = u;
  const scale = devicePixelRatio || 1;
  ctx.save();
  clip(u);
  ctx.lineWidth = 1.6 * scale;
  tracks.forEach((track, i) => {
    const colour = palette.tracks[i % palette.tracks.length]!;
    const seen = track.points.filter((p) => p.t >= u.scales.x!.min! && p.t <= u.scales.x!.max!);
    const roomy = dots || u.bbox.width / scale / Math.max(1, seen.length) > DENSE_PX;
    seen.forEach((p, at) => {
      const alone = !joins(seen[at - 1]) && !joins(seen[at + 1]);
      drawPoint(u, p, palette, colour, roomy || alone, scale, roomy ? 4 : 2.6);
    });
  });
  ctx.restore();
}

const joins = (p: Point | undefined): boolean => p !== undefined && p.v !== null && p.flag !== FLAG_FAIL && p.flag !== FLAG_MISSING;

function drawPoint(u: uPlot, p: Point, palette: Palette, colour: string, dot: boolean, scale: number, size: number): void {
  if (p.v === null) return;
  const x = u.valToPos(p.t, "x", true);
  const raw = u.valToPos(p.v, "y", true);
  const { top, height } = u.bbox;
  const y = Math.min(top + height - 6 * scale, Math.max(top + 6 * scale, raw));
  const beyond = raw < top || raw > top + height;
  const { ctx } = u;
  if (p.flag === FLAG_FAIL) {
    ctx.strokeStyle = palette.fail;
    const down = raw < top ? -1 : 1;
    cross(ctx, x, beyond ? y - down * 8 * scale : y, 3.5 * scale);
    if (beyond) arrow(ctx, x, y, down, scale, palette.fail);
  } else if (p.class !== null) {
    classSign(ctx, x, y, p.class, size * scale, palette.classes[Math.min(2, Math.max(0, Math.round(p.class)))]!);
    if (p.flag === FLAG_SUSPECT && p.class < 2) ring(ctx, x, y, (size + 2.5) * scale, palette.suspect);
  } else if (p.flag === FLAG_SUSPECT) {
    triangle(ctx, x, y, 4.5 * scale, palette.suspect);
  } else if (dot) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(x, y, 2 * scale, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function classSign(ctx: CanvasRenderingContext2D, x: number, y: number, value: number, r: number, colour: string): void {
  ctx.fillStyle = ctx.strokeStyle = colour;
  if (value <= 0) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.fill();
  } else if (value === 1) {
    polygon(ctx, [[x, y - r * 1.25], [x + r * 1.25, y], [x, y + r * 1.25], [x - r * 1.25, y]]);
    ctx.fill();
  } else {
    polygon(ctx, [[x, y + r * 1.2], [x + r * 1.2, y - r * 0.9], [x - r * 1.2, y - r * 0.9]]);
    ctx.stroke();
  }
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
  ctx.stroke();
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string): void {
  ctx.fillStyle = colour;
  polygon(ctx, [[x, y - r], [x + r, y + r * 0.8], [x - r, y + r * 0.8]]);
  ctx.fill();
}

function arrow(ctx: CanvasRenderingContext2D, x: number, y: number, down: 1 | -1, scale: number, colour: string): void {
  ctx.fillStyle = colour;
  polygon(ctx, [[x - 3.5 * scale, y], [x + 3.5 * scale, y], [x, y + down * 5 * scale]]);
  ctx.fill();
}

function ring(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string): void {
  ctx.strokeStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.stroke();
}

function polygon(ctx: CanvasRenderingContext2D, corners: [number, number][]): void {
  ctx.beginPath();
  corners.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
  ctx.closePath();
}

function clip(u: uPlot): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.beginPath();
  u.ctx.rect(left - 6, top, width + 12, height);
  u.ctx.clip();
}
