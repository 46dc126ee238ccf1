/** The three views and the address that names one. */

import { fill } from "./dom";

export interface View {
  readonly element: HTMLElement;
  /** Called whenever the view comes to the front. */
  shown?(): void;
}

/** Show the view that the address names, make each when it is first asked for. */
export function tabs(main: HTMLElement, views: Readonly<Record<string, () => View>>): void {
  const made = new Map<string, View>();
  const show = (): void => {
    const wanted = location.hash.slice(1);
    const name = wanted in views ? wanted : Object.keys(views)[0]!;
    const view = made.get(name) ?? views[name]!();
    made.set(name, view);
    fill(main, view.element);
    for (const link of document.querySelectorAll<HTMLElement>("[data-tab]")) {
      if (link.dataset["tab"] === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${name[0]!.toUpperCase()}${name.slice(1)} · edge-distil`;
    view.shown?.();
  };
  addEventListener("hashchange", () => {
    show();
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  });
  show();
}
