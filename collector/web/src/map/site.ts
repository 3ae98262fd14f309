/** The surfaces around a station (`site.geojson`), taken apart with suspicion and drawn as polygons with their names as text. */
import * as L from "leaflet";
import { list, number, object, text } from "../api/decode";
import type { Names } from "../api/types";

export interface SitePolygon {
  surface: string;
  name: Names;
  elevation_m: number | null;
  /** rings of [latitude, longitude] */
  rings: [number, number][][];
}

const MOST_POINTS = 20_000;
const SURFACES: readonly string[] = ["seawater", "salt_marsh", "mangrove", "mudflat", "island_vegetation", "aquaculture"];

/** The polygons of a GeoJSON feature collection; anything else in it is left out. */
export function sitePolygons(site: unknown): SitePolygon[] {
  const polygons: SitePolygon[] = [];
  let left = MOST_POINTS;
  for (const feature of list(object(site).features).map(object)) {
    const geometry = object(feature.geometry);
    const properties = object(feature.properties);
    const bodies = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? list(geometry.coordinates) : [];
    for (const body of bodies) {
      const rings = list(body).map((ring) => list(ring).flatMap(position)).filter((ring) => ring.length > 2);
      left -= rings.reduce((sum, ring) => sum + ring.length, 0);
      if (rings.length === 0 || left < 0) continue;
      const surface = text(properties.surface);
      const en = text(properties.name_en) || text(properties.name) || surface;
      polygons.push({ surface, name: { en, zh: text(properties.name_zh) || en }, elevation_m: number(properties.elevation_1985_m), rings });
    }
  }
  return polygons;
}

function position(x: unknown): [number, number][] {
  const [longitude, latitude] = list(x).map(number);
  const right = typeof longitude === "number" && typeof latitude === "number" && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  return right ? [[latitude, longitude]] : [];
}

export const surfaceClass = (surface: string): string => `site-${SURFACES.includes(surface) ? surface : "other"}`;

/** Draw them; `label` makes the words of a tooltip. */
export function drawSite(polygons: SitePolygon[], label: (polygon: SitePolygon) => string): L.LayerGroup {
  return L.layerGroup(
    polygons.map((polygon) => {
      const words = document.createElement("span");
      words.textContent = label(polygon);
      return L.polygon(polygon.rings, { pane: "site", className: `site ${surfaceClass(polygon.surface)}` }).bindTooltip(words, { sticky: true });
    }),
  );
}
