/** The whole page. Dimmed, with a red banner, whenever the server is lost: it never looks healthy when it cannot know. */
import { useEffect } from "preact/hooks";
import { AlarmPage } from "./alarms/AlarmPage";
import { useLanguage } from "./language/language";
import { Overview } from "./overview/Overview";
import { Banner } from "./parts/Banner";
import { Footer } from "./parts/Footer";
import { Guard } from "./parts/Guard";
import { Header } from "./parts/Header";
import { Locked, LoginDialog } from "./parts/Login";
import { route } from "./route";
import { useCell } from "./state/cell";
import { store } from "./state/store";
import { StationPage } from "./station/StationPage";

export function App() {
  const { language, say } = useLanguage();
  const here = useCell(route);
  const connection = useCell(store.connection).state;
  const alarms = useCell(store.alarms);
  const locked = useCell(store.locked);
  const lost = connection === "lost" && !locked;
  const open = [...alarms.values()].filter((alarm) => !alarm.acknowledged).length;
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${lost ? `✕ ${say("lost_mark")} · ` : open > 0 ? `(${open}) ` : ""}Haitan 海碳`;
  }, [language, lost, open]);
  return (
    <div class={`page ${locked ? "locked" : connection}`}>
      <Header route={here} />
      {!locked && <Banner />}
      <main id="content" tabIndex={-1}>
        <Guard key={here.page}>
          {locked && <Locked />}
          {!locked && here.page === "overview" && <Overview />}
          {!locked && here.page === "alarms" && <AlarmPage station={here.station} />}
          {!locked && here.page === "station" && <StationPage key={here.station} id={here.station} />}
        </Guard>
      </main>
      <Footer />
      <LoginDialog />
    </div>
  );
}
