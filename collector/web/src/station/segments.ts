/** Segments of a ribbon made fit to draw. Pure. */
import type { Segment } from "../api/types";

/** Cut to the window, in order, neighbours of one state and reason joined. */
export function mergeSegments(segments: Segment[], from: number, to: number): Segment[] {
  const merged: Segment[] = [];
  for (const segment of [...segments].sort((a, b) => a.from - b.from)) {
    const cut = { ...segment, from: Math.max(from, segment.from), to: Math.min(to, segment.to) };
    if (cut.to <= cut.from) continue;
    const last = merged.at(-1);
    if (last && last.state === cut.state && last.reason === cut.reason && cut.from <= last.to + 1) last.to = Math.max(last.to, cut.to);
    else merged.push(cut);
  }
  return merged;
}

/** Share of the received among what should have come; null when nothing was due. Unused numbers and the still expected are not counted. */
export function shareGot(segments: Segment[]): number | null {
  const length = (wanted: (segment: Segment) => boolean) => segments.filter(wanted).reduce((sum, s) => sum + s.to - s.from, 0);
  const due = length((s) => s.state !== "expected" && s.state !== "unused");
  return due > 0 ? length((s) => s.state === "got") / due : null;
}
