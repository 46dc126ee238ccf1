import { env, pipeline } from "@huggingface/transformers";
import { offer } from "./contract";

let run: (...given: unknown[]) => Promise<unknown>;

offer({
  async open(bundle, task, threads) {
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = new URL("./bundles/", document.baseURI).pathname;
    const wasm = env.backends.onnx.wasm!;
    wasm.wasmPaths = new URL("./engine/peer/", document.baseURI).href;
    wasm.numThreads = threads;
    const name = bundle.split("/").filter(Boolean).at(-1)!;
    run = (await pipeline(task, name, { dtype: "q8", device: "wasm" })) as unknown as typeof run;
  },
  async run([first, second]) {
    if (second !== undefined) return ((await run(first, second)) as { answer: string }).answer;
    const { data } = (await run(first, { pooling: "mean", normalize: true })) as { data: Float32Array };
    return [...data.slice(0, 8)];
  },
});
