import { Embedding, load, QuestionAnswering } from "edge-distil";
import * as ort from "onnxruntime-web/wasm";
import { offer } from "./contract";

let task: QuestionAnswering | Embedding;

offer({
  async open(bundle, _, threads) {
    ort.env.wasm.wasmPaths = new URL("./engine/own/", document.baseURI).href;
    task = await load(new URL(bundle, document.baseURI), { engine: ort, variant: "int8", threads });
  },
  async run([first, second]) {
    if (task instanceof QuestionAnswering) return (await task.run(first!, second!)).text;
    return [...(await task.encode(first!)).slice(0, 8)];
  },
});
