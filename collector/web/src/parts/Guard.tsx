/** Keeps a failure in one part of the page from taking the rest with it, and says so instead of showing something old. */
import { Component, type ComponentChildren } from "preact";
import { language, sayIn } from "../language/language";

export class Guard extends Component<{ children: ComponentChildren }, { error: string | null }> {
  override state: { error: string | null } = { error: null };

  override componentDidCatch(error: unknown): void {
    this.setState({ error: error instanceof Error ? error.message : String(error) });
    console.error(error);
  }

  override render() {
    const { error } = this.state;
    return error === null ? this.props.children : <p class="notice bad" role="alert">{sayIn(language.get())("part_failed", { error })}</p>;
  }
}
