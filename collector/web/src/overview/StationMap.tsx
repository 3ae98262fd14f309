/** All stations on the coast. A symbol opens its station; zoomed in, the surfaces around the stations appear. */
import * as L from "leaflet";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Summary } from "../api/types";
import { language, sayIn, useLanguage } from "../language/language";
import { makeMap } from "../map/base";
import { drawSite, sitePolygons } from "../map/site";
import { StationSymbol } from "../parts/Symbol";
import { stationLink } from "../route";
import { useNow, useStations } from "../state/hooks";
import { store } from "../state/store";
import { symbolFacts } from "./facts";

const SITES_FROM_ZOOM = 11;
const NAMES_FROM_ZOOM = 9;
const FEW_STATIONS = 12;

interface Placed {
  marker: L.Marker;
  element: HTMLElement;
}

export function StationMap() {
  const { say, pick } = useLanguage();
  const holder = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  const placed = useRef(new Map<string, Placed>());
  const framed = useRef("");
  const stations = useStations();
  const now = useNow();

  useEffect(() => {
    const made = makeMap(holder.current!, { zoomIn: say("zoom_in"), zoomOut: say("zoom_out") });
    made.setView([29.2, 121.8], 7);
    map.current = made;
    const stopSites = showSites(made);
    const resized = new ResizeObserver(() => made.invalidateSize());
    resized.observe(holder.current!);
    return () => {
      stopSites();
      resized.disconnect();
      made.remove();
      placed.current.clear();
      framed.current = "";
    };
  }, []);

  useEffect(() => {
    if (!map.current) return;
    const shown = [...stations.values()].filter(hasPlace);
    for (const station of shown) place(map.current, placed.current, station, `${pick(station.name)}`, now);
    for (const [id, { marker }] of placed.current) {
      if (!stations.has(id)) {
        marker.remove();
        placed.current.delete(id);
      }
    }
    const which = shown.map((station) => station.id).sort().join(" ");
    if (which && which !== framed.current) {
      framed.current = which;
      frame(map.current, shown);
    }
    holder.current!.classList.toggle("few", shown.length <= FEW_STATIONS);
  });

  return (
    <div class="map-box">
      <div ref={holder} class="map" role="region" aria-label={say("station_map")} />
      <button type="button" class="map-home" onClick={() => map.current && frame(map.current, [...stations.values()].filter(hasPlace))}>{say("whole_coast")}</button>
    </div>
  );
}

type PlacedSummary = Summary & { latitude_deg: number; longitude_deg: number };
const hasPlace = (station: Summary): station is PlacedSummary => station.latitude_deg !== null && station.longitude_deg !== null;

function frame(map: L.Map, stations: PlacedSummary[]): void {
  if (stations.length === 0) return;
  const bounds = L.latLngBounds(stations.map((station) => [station.latitude_deg, station.longitude_deg]));
  map.fitBounds(bounds.pad(0.25), { maxZoom: 9, animate: false });
}

function place(map: L.Map, placed: Map<string, Placed>, station: PlacedSummary, name: string, now: number): void {
  const at: L.LatLngTuple = [station.latitude_deg, station.longitude_deg];
  let known = placed.get(station.id);
  if (!known) {
    const element = document.createElement("div");
    element.className = "marker-body";
    const icon = L.divIcon({ html: element, className: "marker", iconSize: [40, 40], iconAnchor: [20, 20] });
    const marker = L.marker(at, { icon, keyboard: true, riseOnHover: true }).addTo(map);
    marker.on("click", () => (location.hash = stationLink(station.id)));
    known = { marker, element };
    placed.set(station.id, known);
  }
  if (!known.marker.getLatLng().equals(at)) known.marker.setLatLng(at);
  const facts = symbolFacts(station, now, store.world.speed);
  render(
    <>
      <StationSymbol {...facts} />
      <span class="marker-name">{name}</span>
    </>,
    known.element,
  );
  known.marker.setZIndexOffset({ high: 3000, medium: 2000, low: 1000, none: 0 }[facts.severity ?? "none"]);
  known.marker.getElement()?.setAttribute("aria-label", name);
}

/** Keep the sites of all stations drawn while zoomed in far enough; returns how to stop. */
function showSites(map: L.Map): () => void {
  const drawn = new Map<string, { site: unknown; layer: L.LayerGroup }>();
  const draw = () => {
    const zoom = map.getZoom();
    map.getContainer().classList.toggle("near", zoom >= NAMES_FROM_ZOOM);
    for (const [id, { layer }] of drawn) if (zoom < SITES_FROM_ZOOM) (layer.remove(), drawn.delete(id));
    if (zoom < SITES_FROM_ZOOM) return;
    for (const { id, site } of store.details.get().values()) {
      if (drawn.get(id)?.site === site) continue;
      drawn.get(id)?.layer.remove();
      const layer = drawSite(sitePolygons(site), (polygon) => polygon.name[language.get()] || sayIn(language.get())("unknown")).addTo(map);
      drawn.set(id, { site, layer });
    }
  };
  map.on("zoomend", draw);
  const stop = store.details.watch(draw);
  return () => {
    stop();
    map.off("zoomend", draw);
  };
}
