/** What the browser remembers of this visitor's choices. Works (without memory) where storage is refused. */
const PREFIX = "haitan.";

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // a private window: the choice lasts as long as the page
  }
}
