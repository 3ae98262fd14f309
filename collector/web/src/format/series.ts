/** Names of series (`quantity:statistic@place`) in parts, and places in words. */
import type { Language } from "../language/language";

export interface SeriesName {
  quantity: string;
  statistic: string;
  place: string;
}

export function parts(series: string): SeriesName {
  const [measured = series, place = ""] = series.split("@", 2);
  const [quantity = measured, statistic = ""] = measured.split(":", 2);
  return { quantity, statistic, place };
}

const PLACES: Record<string, Record<Language, string>> = {
  air: { en: "air", zh: "空气" },
  arm: { en: "cross-arm", zh: "横臂" },
  bottom: { en: "bottom", zh: "底层" },
  canopy: { en: "canopy", zh: "冠层" },
  creek: { en: "creek", zh: "潮沟" },
  deck: { en: "deck", zh: "甲板" },
  flow_cell: { en: "flow cell", zh: "流通池" },
  mast: { en: "mast", zh: "桅杆" },
  middle: { en: "middle", zh: "中层" },
  mooring: { en: "mooring", zh: "锚系" },
  pole: { en: "pole", zh: "桩" },
  station: { en: "station", zh: "站" },
  surface: { en: "surface", zh: "表层" },
  tower: { en: "tower", zh: "塔" },
  water: { en: "water", zh: "水体" },
};
const STATISTICS: Record<string, Record<Language, string>> = {
  sd: { en: "standard deviation", zh: "标准差" },
  min: { en: "minimum", zh: "最小" },
  max: { en: "maximum", zh: "最大" },
  uncertainty: { en: "standard error", zh: "标准误差" },
};

/** A place this page has no word for is shown by its identifier. */
export const placeText = (place: string, language: Language): string => (Object.hasOwn(PLACES, place) ? PLACES[place]![language] : place.replaceAll("_", " "));
export const statisticText = (statistic: string, language: Language): string => (Object.hasOwn(STATISTICS, statistic) ? STATISTICS[statistic]![language] : statistic);

/** Is this quantity a flux that the station page shows under "today"? */
export const isFlux = (quantity: string): boolean => FLUXES.includes(quantity);
export const FLUXES: readonly string[] = ["co2_flux", "air_sea_co2_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux"];
export const CARBON_FLUXES: readonly string[] = ["co2_flux", "air_sea_co2_flux"];
