import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const engine = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/wasm"));
const engineVersion = JSON.parse(readFileSync(join(engine, "..", "package.json"), "utf8")).version;
const engineFolder = `assets/engine-${engineVersion}`;
// What the engine fetches by itself; the second pair only where WebGPU is asked for.
const PLAIN = "ort-wasm-simd-threaded";
const WEBGPU = "ort-wasm-simd-threaded.asyncify";

/** Put the engine's files beside the page, by names that its own workers find. */
function engineFiles(): Plugin {
  return {
    name: "engine-files",
    generateBundle() {
      for (const name of [PLAIN, WEBGPU]) {
        for (const kind of ["mjs", "wasm"]) {
          const source = readFileSync(join(engine, `${name}.${kind}`));
          this.emitFile({ type: "asset", fileName: `${engineFolder}/${name}.${kind}`, source });
        }
      }
    },
  };
}

/** Tell the service worker what to keep: everything but what only WebGPU needs. */
function precache(): Plugin {
  return {
    name: "precache",
    enforce: "post",
    generateBundle(_, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("the service worker was not built");
      const kept = Object.values(bundle)
        .filter((file) => file !== worker && !/asyncify|webgpu|\.map$/.test(file.fileName))
        .map((file) => [file.fileName, digest(file.type === "chunk" ? file.code : file.source)]);
      const publicFiles = ["manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png"].map(
        (name) => [name, digest(readFileSync(join(here, "public", name)))],
      );
      const list = JSON.stringify([...kept, ...publicFiles].sort());
      worker.code = worker.code.replace(/["'`]__PRECACHE__["'`]/, list);
    },
  };
}

function digest(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

export default defineConfig({
  base: "./",
  define: { __ENGINE__: JSON.stringify({ folder: engineFolder, version: engineVersion }) },
  resolve: {
    alias: { "edge-distil": join(here, "..", "runtime", "src", "index.ts") },
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "import", "default"],
  },
  worker: {
    format: "es",
    rollupOptions: { output: { entryFileNames: "assets/[name]-[hash].js" } },
  },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: join(here, "index.html"), sw: join(here, "src", "sw.ts") },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  plugins: [engineFiles(), precache()],
});
