/** The few lines that stand in for a framework. */

export type Child = Node | string | null | undefined | false;
type Handlers = { [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K]) => void };
export type Properties = Handlers & Record<`${"aria" | "data"}-${string}`, unknown> & {
  [name: string]: unknown;
};

/** Make an element. A property that is true is an empty attribute; false or absent leaves it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  append(element, children);
  return element;
}

/** Make an SVG element. */
export function svg(
  tag: string,
  attributes: Record<string, string | number> = {},
  ...children: readonly (Node | string)[]
): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Put children in the place of those that are there. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Resolve after the browser has drawn what was changed. */
export function drawn(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) if (child) parent.append(child);
}

function setProperty(element: HTMLElement, name: string, value: unknown): void {
  if (value === false || value === undefined || value === null) return;
  if (name.startsWith("on") && typeof value === "function") {
    element.addEventListener(name.slice(2), value as EventListener);
  } else if (name === "style" && typeof value === "object") {
    // through the object model: the page's policy takes no style attributes
    for (const [key, text] of Object.entries(value)) element.style.setProperty(key, String(text));
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}
