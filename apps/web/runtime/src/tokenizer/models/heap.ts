/** A heap of things in an order; the first is taken out first. */
export class Heap<T> {
  readonly #things: T[] = [];

  constructor(private readonly compare: (a: T, b: T) => number) {}

  push(thing: T): void {
    const things = this.#things;
    let at = things.push(thing) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.compare(things[parent]!, thing) <= 0) break;
      things[at] = things[parent]!;
      at = parent;
    }
    things[at] = thing;
  }

  pop(): T | undefined {
    const things = this.#things;
    const [first, last] = [things[0], things.pop()];
    if (!things.length) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= things.length) break;
      if (child + 1 < things.length && this.compare(things[child + 1]!, things[child]!) < 0) child++;
      if (this.compare(last!, things[child]!) <= 0) break;
      things[at] = things[child]!;
      at = child;
    }
    things[at] = last!;
    return first;
  }
}
