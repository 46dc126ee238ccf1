/** The page: what is served, the three views, the service worker. */

import { isEmbedding, isQuestionAnswering, loadServed, type BundleInfo, type Served } from "./device/bundles";
import { failure } from "./device/failure";
import { isolated, threads, threadsNotice } from "./device/isolation";
import { keepToken } from "./measure/upload";
import { h } from "./ui/dom";
import { notice } from "./ui/notice";
import { tabs, type View } from "./ui/tabs";
import { count } from "./ui/words";
import { askView } from "./views/ask";
import { measureView } from "./views/measure";
import { searchView } from "./views/search";

const RELOADED = "edge-distil-reloaded";
/** Milliseconds that a first visit waits for isolation; on a slow network it goes on without. */
const PATIENCE = 8000;

keepToken();
void start();

async function start(): Promise<void> {
  const main = document.querySelector<HTMLElement>("#main")!;
  document.querySelector("#where")!.textContent = `on this device, ${count(threads, "thread")}`;
  await isolate();
  try {
    show(main, await loadServed());
  } catch (error) {
    main.replaceChildren(notice(failure(error).message, "bad"));
  }
}

function show(main: HTMLElement, served: Served): void {
  const questions = served.bundles.filter(isQuestionAnswering);
  const vectors = served.bundles.filter(isEmbedding);
  const why = threadsNotice();
  if (why) main.before(h("div", { class: "banner" }, notice(why, "warn")));
  tabs(main, {
    ask: () => (questions.length ? askView(questions) : missing("answers questions", "qa")),
    search: () => (vectors.length ? searchView(vectors) : missing("embeds sentences", "minilm")),
    measure: () => measureView([...questions, ...vectors] as BundleInfo[], served.uploads),
  });
}

function missing(what: string, example: string): View {
  const words = `No bundle that ${what} is served here. Serve one as well: edge-distil serve … ${example}`;
  return { element: h("div", { class: "view" }, notice(words)) };
}

/**
 * Let the service worker keep the page; where the host does not isolate it, reload once, so that
 * the worker's headers do.
 */
async function isolate(): Promise<void> {
  if (!("serviceWorker" in navigator) || !isSecureContext) return;
  try {
    await navigator.serviceWorker.register("./sw.js");
    if (isolated || sessionStorage.getItem(RELOADED)) return;
    const patience = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE, null));
    if ((await Promise.race([navigator.serviceWorker.ready, patience])) === null) return;
    sessionStorage.setItem(RELOADED, "yes");
    location.reload();
    await new Promise(() => undefined); // until the page is gone
  } catch {
    // no service worker: the page works, but not offline
  }
}
