/** Which centre and version this is, and what the page is made of. */
import { useLanguage } from "../language/language";
import { useCell } from "../state/cell";
import { store } from "../state/store";

export function Footer() {
  const { say } = useLanguage();
  const centre = useCell(store.centre);
  return (
    <footer class="foot small">
      {centre && <span>{say("version", { id: centre.id, version: centre.version })}</span>} <a href="api/openapi.json">{say("api")}</a> <a href="licences.txt">{say("licences")}</a>
    </footer>
  );
}
