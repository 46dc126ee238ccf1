/** A picture of a measurement to share: drawn on a canvas, so that it needs no fonts or files. */

import { duration } from "../ui/words";
import { figures, type Figure } from "./figures";
import type { Result } from "./measure";

const [WIDTH, HEIGHT, EDGE] = [1200, 675, 64];
const INK = "#0b1f1c";
const SOFT = "#52635f";
const COLOURS: Record<string, string> = { fp32: "#94a3a0", int8: "#0f766e" };
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** Draw the medians as bars, with what they were measured on. */
export async function picture({ measurements, parity }: Result): Promise<Blob> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const pen = canvas.getContext("2d")!;
  pen.fillStyle = "#f6f8f7";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = "#0f766e";
  pen.fillRect(0, 0, 14, HEIGHT);
  write(pen, measurements.device, EDGE, 96, 46, INK, 700);
  const model = measurements.models[0]!;
  write(pen, `${model.model} · ${model.engine} · ${measurements.inputs[0]!.description}`, EDGE, 138, 22, SOFT);
  bars(pen, figures(measurements));
  const compared = [...parity.values()];
  const equal = compared.reduce((sum, one) => sum + one.equal, 0);
  const count = compared.reduce((sum, one) => sum + one.count, 0);
  const day = measurements.created.slice(0, 10);
  write(pen, `Median time of a query, in the browser. ${equal} of ${count} answers equal to Python's. ${day}, protocol ${String(measurements.protocol["name"])}.`, EDGE, HEIGHT - 62, 20, SOFT);
  write(pen, "edge-distil", WIDTH - EDGE, HEIGHT - 28, 24, "#0f766e", 700, "right");
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this browser cannot draw the picture"))), "image/png"));
}

function bars(pen: CanvasRenderingContext2D, found: readonly Figure[]): void {
  const [top, bottom, left] = [180, HEIGHT - 110, EDGE + 250];
  const row = Math.min(92, (bottom - top) / found.length);
  const most = Math.max(...found.map((one) => one.p50));
  found.forEach((one, index) => {
    const y = top + index * row;
    const width = (one.p50 / most) * (WIDTH - left - EDGE - 250);
    pen.fillStyle = COLOURS[one.variant] ?? "#b45309";
    pen.beginPath();
    pen.roundRect(left, y + row * 0.18, Math.max(4, width), row * 0.56, 8);
    pen.fill();
    const baseline = y + row * 0.56;
    write(pen, `${one.variant}, ${one.threads === 1 ? "1 thread" : `${one.threads} threads`}`, left - 20, baseline, 24, INK, 500, "right");
    const speed = one.speed ? `  ${one.speed.value.toFixed(2)}×` : "";
    write(pen, `${duration(one.p50)}${speed}`, left + width + 16, baseline, 26, INK, 700);
  });
}

function write(pen: CanvasRenderingContext2D, text: string, x: number, y: number, size: number, colour: string, weight = 400, align: CanvasTextAlign = "left"): void {
  pen.font = `${weight} ${size}px ${FONT}`;
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.fillText(text, x, y, WIDTH - 2 * EDGE);
}
