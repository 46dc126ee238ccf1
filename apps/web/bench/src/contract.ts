/** What each side offers to the driver. */

/** A query: question and context, or one text. */
export type Query = readonly string[];

export interface Side {
  /** Open a bundle: its address, its model's file suffix, the engine's threads. */
  open(bundle: string, task: "question-answering" | "feature-extraction", threads: number): Promise<void>;
  /** Answer or embed, for comparison: a text, or the first numbers of a vector. */
  run(query: Query): Promise<string | number[]>;
}

/** Offer a side, with the one clock that times both. */
export function offer(side: Side): void {
  const time = async (queries: readonly Query[]): Promise<number[]> => {
    const taken: number[] = [];
    for (const query of queries) {
      const start = performance.now();
      await side.run(query);
      taken.push(performance.now() - start);
    }
    return taken;
  };
  Object.assign(globalThis, { side, time });
}
