/** Drawings of a measurement: plain SVG, coloured by the page's style sheet or by a palette. */

import { svg } from "../ui/dom";
import { duration } from "../ui/words";
import type { Figure, Start } from "./figures";
import { medians, quantile, type Sample } from "./statistics";

const WIDTH = 320;
const LEFT = 4;

/** Every query as a histogram, a row a model, with its median and 90th percentile. */
export function distributions(figures: readonly Figure[]): SVGElement {
  const row = 58;
  const most = Math.max(...figures.map((one) => quantile(one.samples.map((s) => s.ms), 0.95))) * 1.15;
  const x = (ms: number): number => LEFT + (Math.min(ms, most) / most) * (WIDTH - 2 * LEFT);
  const height = figures.length * row + 20;
  const root = drawing(height, "Distribution of the time of a query, for each model and number of threads");
  figures.forEach((one, index) => {
    const base = index * row + 50;
    root.append(histogram(one, base, most, x), mark(x(one.p50), base, 26, "median"), mark(x(one.p90), base, 12, "p90"));
    root.append(
      svg("text", { x: LEFT, y: base - 36, class: "label" }, `${one.variant} · ${one.threads === 1 ? "1 thread" : `${one.threads} threads`}`),
      svg("text", { x: WIDTH - LEFT, y: base - 36, class: "value", "text-anchor": "end" }, `${duration(one.p50)} · p90 ${duration(one.p90)}`),
      svg("line", { x1: LEFT, x2: WIDTH - LEFT, y1: base, y2: base, class: "axis" }),
    );
  });
  for (const share of [0, 0.5, 1]) {
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    root.append(svg("text", { x: x(most * share), y: height - 4, class: "tick", "text-anchor": anchor }, share === 0 ? "0" : duration(most * share)));
  }
  return root;
}

function histogram(one: Figure, base: number, most: number, x: (ms: number) => number): SVGElement {
  const bins = 64;
  const counts = new Array<number>(bins).fill(0);
  for (const { ms } of one.samples) counts[Math.min(bins - 1, Math.floor((ms / most) * bins))]!++;
  const highest = Math.max(...counts);
  const path = counts.map((count, i) => {
    const [from, to] = [x((i / bins) * most), x(((i + 1) / bins) * most)];
    const top = base - (28 * count) / highest;
    return count ? `M${from.toFixed(1)} ${base}V${top.toFixed(1)}H${(to - 0.6).toFixed(1)}V${base}Z` : "";
  });
  return svg("path", { d: path.join(""), class: `bar ${colour(one.variant)}` });
}

function mark(x: number, base: number, height: number, kind: string): SVGElement {
  return svg("line", { x1: x, x2: x, y1: base + 2, y2: base - height - 4, class: kind });
}

/** How the time of a query went while it was measured: a dot a block, against its own median. */
export function drifts(figures: readonly Figure[]): SVGElement {
  const [top, bottom] = [10, 92];
  const all = figures.flatMap((one) => blockPoints(one));
  const [begin, end] = [Math.min(...all.map((p) => p.start)), Math.max(...all.map((p) => p.start))];
  const reach = Math.max(0.1, ...all.map((p) => Math.abs(p.share)));
  const x = (start: number): number => 42 + ((start - begin) / Math.max(1, end - begin)) * (WIDTH - 52);
  const y = (share: number): number => (top + bottom) / 2 - (share / reach) * ((bottom - top) / 2);
  const root = drawing(108, "Change of the time of a query while it was measured");
  for (const share of [-reach, 0, reach]) {
    root.append(
      svg("line", { x1: 42, x2: WIDTH - 8, y1: y(share), y2: y(share), class: share ? "grid" : "axis" }),
      svg("text", { x: 38, y: y(share) + 4, class: "tick", "text-anchor": "end" }, `${share > 0 ? "+" : ""}${Math.round(100 * share)} %`),
    );
  }
  for (const one of figures) {
    for (const point of blockPoints(one)) root.append(svg("circle", { cx: x(point.start).toFixed(1), cy: y(point.share).toFixed(1), r: 2.6, class: `dot ${colour(one.variant)}` }));
  }
  root.append(svg("text", { x: 42, y: 106, class: "tick" }, "begin"), svg("text", { x: WIDTH - 8, y: 106, class: "tick", "text-anchor": "end" }, `${((end - begin) / 1e9).toFixed(0)} s`));
  return root;
}

function blockPoints(one: Figure): { start: number; share: number }[] {
  const blockOf = ({ process, block }: Sample): string => `${process}/${block}`;
  const times = medians(one.samples, blockOf);
  const starts = medians(one.samples.map((s) => ({ ...s, ms: s.start })), blockOf);
  return [...times].map(([key, ms]) => ({ start: starts.get(key)!, share: ms / one.p50 - 1 }));
}

/** From a fresh worker to the first answer, a bar a model. */
export function coldStarts(starts: readonly Start[]): SVGElement {
  const row = 40;
  const total = (one: Start): number => one.engine + one.session + one.first;
  const most = Math.max(...starts.map(total));
  const root = drawing(starts.length * row + 2, "Time from nothing to the first answer, for each model");
  starts.forEach((one, index) => {
    const y = index * row + 20;
    root.append(
      svg("text", { x: LEFT, y: y - 6, class: "label" }, one.variant),
      svg("text", { x: WIDTH - LEFT, y: y - 6, class: "value", "text-anchor": "end" }, duration(total(one))),
    );
    let from = LEFT;
    for (const [part, ms] of [["engine", one.engine], ["session", one.session], ["first", one.first]] as const) {
      const width = Math.max(1, (ms / most) * (WIDTH - 2 * LEFT) - 1);
      root.append(svg("rect", { x: from.toFixed(1), y, width: width.toFixed(1), height: 10, rx: 2, class: `part ${part}` }));
      from += width + 1;
    }
  });
  return root;
}

/** The class that colours a variant. */
export function colour(variant: string): string {
  if (variant.endsWith("webgpu")) return "c-gpu";
  return variant === "fp32" ? "c-fp32" : "c-int8";
}

function drawing(height: number, title: string): SVGElement {
  const attributes = { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title, class: "plot" };
  return svg("svg", attributes, svg("title", {}, title));
}
