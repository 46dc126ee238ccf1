export * from "./errors.js";
export * from "./tokenizer/index.js";
