/** Where the station stands and what lies around it (its `site.geojson`). */
import * as L from "leaflet";
import { useEffect, useRef } from "preact/hooks";
import type { Summary } from "../api/types";
import { numberText } from "../format/value";
import { useLanguage, wordFor } from "../language/language";
import { makeMap } from "../map/base";
import { drawSite, sitePolygons, surfaceClass, type SitePolygon } from "../map/site";

export function PositionMap({ station, site }: { station: Summary; site: unknown }) {
  const { language, say, pick } = useLanguage();
  const holder = useRef<HTMLDivElement>(null);
  const { latitude_deg: latitude, longitude_deg: longitude } = station;
  const polygons = sitePolygons(site);
  const label = (polygon: SitePolygon) => {
    const kind = wordFor(say, `surface_${polygon.surface}`, polygon.surface);
    const height = polygon.elevation_m === null ? "" : `, ${say("elevation", { value: numberText(polygon.elevation_m) })}`;
    return `${pick(polygon.name) || kind} (${kind}${height})`;
  };

  useEffect(() => {
    if (latitude === null || longitude === null) return undefined;
    const map = makeMap(holder.current!, { zoomIn: say("zoom_in"), zoomOut: say("zoom_out") });
    const at: L.LatLngTuple = [latitude, longitude];
    const bounds = L.latLngBounds([at, ...polygons.flatMap((polygon) => polygon.rings.flat())]);
    if (polygons.length > 0) map.fitBounds(bounds.pad(0.2), { animate: false });
    else map.setView(at, 11);
    drawSite(polygons, label).addTo(map);
    L.circleMarker(at, { radius: 6, className: "site-station", interactive: false, pane: "markerPane" }).addTo(map);
    const resized = new ResizeObserver(() => map.invalidateSize());
    resized.observe(holder.current!);
    return () => {
      resized.disconnect();
      map.remove();
    };
  }, [latitude, longitude, site, language]);

  return (
    <section class="card" aria-labelledby="position-title">
      <header class="card-head">
        <h2 id="position-title">{say("position")}</h2>
        {latitude !== null && longitude !== null && <span class="small figures">{coordinate(latitude, "N", "S")} {coordinate(longitude, "E", "W")}</span>}
      </header>
      <div ref={holder} class="map site-map" role="region" aria-label={say("position")} />
      <ul class="site-legend">
        {polygons.map((polygon, i) => (
          <li key={i}><svg width="16" height="12" aria-hidden="true"><rect class={`site ${surfaceClass(polygon.surface)}`} width="16" height="12" /></svg> {label(polygon)}</li>
        ))}
      </ul>
    </section>
  );
}

/** 29.92° → 29°55.20′ N, as on a chart. */
function coordinate(degrees: number, positive: string, negative: string): string {
  const size = Math.abs(degrees);
  const whole = Math.floor(size);
  return `${whole}°${((size - whole) * 60).toFixed(2).padStart(5, "0")}′\u00a0${degrees < 0 ? negative : positive}`;
}
