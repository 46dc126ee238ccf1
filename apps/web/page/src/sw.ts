/**
 * The service worker: the page works when server and network are gone, and is isolated (so that the
 * engine may use threads) on hosts that send no such headers.
 *
 * The page's files are kept when it is installed. Of bundles it keeps the small documents; the
 * models are kept by the runtime, which verifies them.
 */

/// <reference lib="webworker" />
export {};
declare const self: ServiceWorkerGlobalScope;

// [address, digest] of every file of the page; set by the build.
const FILES = "__PRECACHE__" as unknown as [string, string][];
const VERSION = FILES.map(([, digest]) => digest).join("").slice(0, 4096);
const PAGE = `edge-distil-page-${hash(VERSION)}`;
const DOCUMENTS = "edge-distil-documents";
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

self.addEventListener("install", (event) => {
  event.waitUntil(keepPage().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOldPages().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.headers.has("range")) return;
  event.respondWith(answer(request, address).then(isolated));
});

async function keepPage(): Promise<void> {
  const cache = await caches.open(PAGE);
  const requests = FILES.map(([name]) => new Request(name, { cache: "no-cache" }));
  await cache.addAll([new Request("./", { cache: "no-cache" }), ...requests]);
}

async function dropOldPages(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("edge-distil-page-") && name !== PAGE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Answer from the page's cache, else from the network, else what was kept of documents. */
async function answer(request: Request, address: URL): Promise<Response> {
  const page = await caches.open(PAGE);
  const kept = await page.match(request, { ignoreSearch: true, ignoreVary: true });
  if (kept) return kept;
  if (!address.pathname.endsWith(".json")) return fetch(request);
  const documents = await caches.open(DOCUMENTS);
  try {
    const response = await fetch(request);
    if (response.ok) await documents.put(request, response.clone());
    return response;
  } catch (error) {
    const before = await documents.match(request, { ignoreVary: true });
    if (before) return before;
    throw error;
  }
}

/** Add the headers that isolate the page; an opaque or failed response is left as it is. */
function isolated(response: Response): Response {
  if (response.type === "opaque" || response.type === "error" || response.status === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const body = [101, 204, 205, 304].includes(response.status) ? null : response.body;
  return new Response(body, { status: response.status, statusText: response.statusText, headers });
}

/** FNV-1a, for a name. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16);
}
