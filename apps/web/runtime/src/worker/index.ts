export { host } from "./host.js";
export type { Port } from "./messages.js";
export { loadInWorker, type Remote } from "./remote.js";
