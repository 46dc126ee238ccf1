/** Split a text into sentences, as the browser knows the language's rules. */
export function sentences(text: string): string[] {
  return text
    .split(/\n+/)
    .flatMap((line) => segments(line))
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length > 1);
}

function segments(line: string): string[] {
  if (typeof Intl.Segmenter !== "function") return line.split(/(?<=[.!?。！？])\s+/u);
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  return [...segmenter.segment(line)].map(({ segment }) => segment);
}
