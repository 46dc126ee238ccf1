/** The one model that a view works with: opened when first needed, replaced when another is chosen. */

import { opening } from "./bundles";
import { Model, type OnProgress } from "./model";
import type { Choice } from "../ui/chooser";

export class Holder {
  private name = "";
  private opening: Promise<Model> | null = null;

  constructor(private readonly onProgress: OnProgress) {}

  /** Return the model of a choice; what failed before is tried again. */
  async get({ bundle, variant }: Choice): Promise<Model> {
    const name = `${bundle.url} ${variant}`;
    if (this.opening && this.name === name) return this.opening;
    await this.release();
    this.name = name;
    const opened = Model.open(opening(bundle, { variant }), { onProgress: this.onProgress }).then(({ model }) => model);
    this.opening = opened;
    opened.catch(() => {
      if (this.opening === opened) this.opening = null;
    });
    return opened;
  }

  /** Give the model's memory back. */
  async release(): Promise<void> {
    const before = this.opening;
    this.opening = null;
    await before?.then((model) => model.close()).catch(() => undefined);
  }
}
