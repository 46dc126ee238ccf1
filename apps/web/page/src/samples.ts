/** Own-written texts to begin with; the study's. */

import passages from "../../../edge_distil_apps/data/passages.json";
import study from "../../../edge_distil_apps/data/study.json";
import { sentences } from "./sentences";

export interface Sample {
  readonly title: string;
  readonly text: string;
  readonly questions: readonly string[];
}

export const SAMPLES: readonly Sample[] = passages.data.flatMap(({ title, paragraphs }) =>
  paragraphs.map(({ context, qas }) => ({
    title: title.replaceAll("_", " "),
    text: context,
    questions: qas.map((qa) => qa.question),
  })),
);

/** A few hundred sentences: the passages', and those of the study's pairs. */
export const SENTENCES: readonly string[] = [
  ...SAMPLES.flatMap(({ text }) => sentences(text)),
  ...study.pairs.flat(),
];

/** Searches that find something without sharing its words. */
export const SEARCHES = ["animals that live in trees", "what to do when a machine leaks", "a cold winter journey", "music"];
