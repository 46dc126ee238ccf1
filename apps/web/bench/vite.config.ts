import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const own = dirname(require.resolve("onnxruntime-web/wasm"));
// transformers.js pins an engine of its own.
const peer = dirname(createRequire(require.resolve("@huggingface/transformers")).resolve("onnxruntime-web"));

/** Each side's engine, by the names that it asks for. */
function engines(): Plugin {
  return {
    name: "engines",
    generateBundle() {
      for (const [side, folder] of [["own", own], ["peer", peer]] as const) {
        for (const name of readdirSync(folder).filter((file) => /^ort-wasm-simd-threaded(\.asyncify)?\.(mjs|wasm)$/.test(file))) {
          this.emitFile({ type: "asset", fileName: `engine/${side}/${name}`, source: readFileSync(join(folder, name)) });
        }
      }
    },
  };
}

export default defineConfig({
  base: "./",
  resolve: {
    alias: { "edge-distil": join(here, "..", "runtime", "src", "index.ts") },
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "import", "default"],
  },
  build: { target: "es2022", rollupOptions: { input: { index: join(here, "index.html"), own: join(here, "own.html"), peer: join(here, "peer.html") } } },
  plugins: [engines()],
});
