/** Starts the page. */
import { render } from "preact";
import "leaflet/dist/leaflet.css";
import "./style/base.css";
import "./style/head.css";
import "./style/overview.css";
import "./style/station.css";
import "./style/charts.css";
import "./style/alarms.css";
import { App } from "./App";
import { store } from "./state/store";

store.start();
render(<App />, document.getElementById("page")!);
