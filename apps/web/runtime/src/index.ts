export * from "./errors.js";
export { load, type AnyTask, type LoadOptions, type Use } from "./load.js";
export type { Cancellable } from "./abort.js";
export type { Bundle, LoadProgress } from "./bundle/files.js";
export type { Checkpoint, FileRecord, FunctionToApply, LateSettings, LateSimilarity, Manifest, Pooling, Side, Similarity, TaskName, Variant } from "./bundle/manifest.js";
export type { Content, Folder, From, Source } from "./bundle/source.js";
export type { CacheOption, Store } from "./bundle/store.js";
export type { RunOptions, Stage } from "./encoder.js";
export { quantizeEmbeddings, type Precision, type Ranges, type VectorOf } from "./precision.js";
export type { Engine, EngineOptions } from "./session.js";
export type { Vector } from "./similarity.js";
export type { Place } from "./spans.js";
export { Embedding, type EmbedOptions, type EncodeOptions } from "./tasks/embedding.js";
export { FillMask, type Candidate, type FillOptions } from "./tasks/fill-mask.js";
export { LateInteraction, type LateRankOptions, type LateStreamOptions, type TokenVectors } from "./tasks/late-interaction.js";
export { MultipleChoice, type Choice, type ChooseOptions, type Question } from "./tasks/multiple-choice.js";
export { QuestionAnswering, type Answer, type AnswerOptions, type AnswersOptions, type Pair } from "./tasks/question-answering.js";
export { Reranker, type QueryAndPassage, type Ranked, type RankOptions, type ScoreOptions } from "./tasks/reranking.js";
export type { SparseVector } from "./sparse.js";
export { SparseEmbedding, type DecodeOptions, type SparseOptions, type WeightedToken } from "./tasks/sparse-embedding.js";
export { TextClassification, type ClassifyOptions, type Label, type TextOrPair } from "./tasks/text-classification.js";
export {
  TokenClassification,
  type Aggregation,
  type Entity,
  type EntityOptions,
} from "./tasks/token-classification.js";
export { ZeroShotClassification, type CandidateLabels, type ZeroShotOptions } from "./tasks/zero-shot.js";
export * from "./tokenizer/index.js";
