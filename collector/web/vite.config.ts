/**
 * How the page is bundled: everything into `dist`, nothing fetched from elsewhere when it runs, the coastline cut here, and the licences of
 * what is bundled written beside it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";
import { makeCoast } from "./tools/coast.ts";

const BUNDLED = ["preact", "uplot", "leaflet", "world-atlas"];
const COAST = "virtual:coast";

/** `import("virtual:coast")` gives the coast (tools/coast.ts) as data. */
function coast(): Plugin {
  return {
    name: "haitan-coast",
    resolveId: (id) => (id === COAST ? `\0${COAST}` : null),
    load: (id) => (id === `\0${COAST}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(makeCoast()))})` : null),
  };
}

/** `licences.txt`: the licences of the packages that are part of the bundle. */
function licences(): Plugin {
  return {
    name: "haitan-licences",
    generateBundle() {
      const root = join(dirname(createRequire(import.meta.url).resolve("world-atlas/package.json")), "..");
      const texts = BUNDLED.map((name) => {
        const version = (JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")) as { version: string }).version;
        const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((f) => join(root, name, f)).find((f) => existsText(f));
        if (!file) throw new Error(`no licence file in the package ${name}`);
        return `${name} ${version}\n\n${readFileSync(file, "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join(`\n${"-".repeat(80)}\n\n`) });
    },
  };
}

/** Vite's development server puts styles into the page itself; the policy of the built page would forbid that. */
function developmentPolicy(): Plugin {
  return { name: "haitan-development-policy", apply: "serve", transformIndexHtml: (html) => html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "") };
}

function existsText(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

export default defineConfig({
  base: "./",
  plugins: [coast(), licences(), developmentPolicy()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: true, chunkSizeWarningLimit: 400 },
  server: { host: "127.0.0.1", proxy: { "/api": process.env["HAITAN_API"] ?? "http://127.0.0.1:8080" } },
});
