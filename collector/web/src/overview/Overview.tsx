/** The first page: where the stations are and which of them needs somebody. */
import { Guard } from "../parts/Guard";
import { Legend } from "./Legend";
import { StationList } from "./StationList";
import { StationMap } from "./StationMap";

export function Overview() {
  return (
    <div class="overview">
      <Guard>
        <div class="overview-map">
          <StationMap />
          <Legend />
        </div>
      </Guard>
      <Guard>
        <StationList />
      </Guard>
    </div>
  );
}
