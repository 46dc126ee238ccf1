import { Fields } from "../bundle/fields.js";

/**
 * How texts are cut, and what is given with their token ids.
 *
 * Source of every rule: `edge_distil/_tokenizing/settings.py`, which follows transformers 5.
 */
export interface TokenizerSettings {
  /** A text that is too long loses its beginning, not its end. */
  readonly truncateLeft: boolean;
  /** The texts of a pair are told apart by `token_type_ids`; else all are 0. */
  readonly tokenTypes: boolean;
  /** Special tokens that stand in a text are cut up like any other text. */
  readonly splitSpecial: boolean;
  /** Special tokens by role: `mask_token` -> `[MASK]`. */
  readonly special: ReadonlyMap<string, string>;
  /** A text is cut to so many characters before it is tokenized, as model2vec cuts it. */
  readonly maxCharacters?: number | undefined;
}

/** The parsed files of a bundle that say something of its tokenizer. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json` */
  readonly config?: unknown;
  /** `special_tokens_map.json` */
  readonly specialTokens?: unknown;
  /** `config.json` */
  readonly model?: unknown;
}

const ROLES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
// What stands in for a role that no file names, where the vocabulary has it: classes' defaults.
const USUAL: Readonly<Record<string, readonly string[]>> = {
  pad_token: ["[PAD]", "<pad>"],
  cls_token: ["[CLS]", "<s>"],
  mask_token: ["[MASK]", "<mask>"],
};
// Tokenizer classes that tell the texts of a pair apart where `model_input_names` does not say.
const TYPED = new Set(
  (
    "Bert ConvBert DPRContextEncoder DPRQuestionEncoder Deberta DebertaV2 Electra FNet LayoutLM LayoutLMv2 " +
    "Lxmert MarkupLM MobileBert SqueezeBert"
  ).split(" "),
);
// Model type -> its tokenizer's class, where no file names one; of classes without types none is listed.
const CLASSES: ReadonlyMap<string, string> = new Map([
  ...(
    "bert convbert distilbert electra ernie layoutlm lxmert megatron-bert mobilebert nezha nomic_bert qdqbert " +
    "squeezebert visual_bert"
  )
    .split(" ")
    .map((type) => [type, "Bert"] as const),
  ["deberta", "Deberta"],
  ["deberta-v2", "DebertaV2"],
  ["dpr", "DPRQuestionEncoder"],
  ["fnet", "FNet"],
  ["layoutlmv2", "LayoutLMv2"],
  ["markuplm", "MarkupLM"],
]);
// Model types whose tokenizer is whatever tokenizer.json says, whichever class a file names.
const GENERIC = ["modernbert", "nystromformer", "xlm-roberta-xl"];

/** Read the settings of a bundle's tokenizer. */
export function readSettings(files: TokenizerFiles, has: (token: string) => boolean): TokenizerSettings {
  const config = Fields.of(files.config ?? {}, "tokenizer_config.json");
  const tokenizer = Fields.of(files.tokenizer, "tokenizer.json");
  const model = Fields.of(files.model ?? {}, "config.json");
  const truncation = tokenizer.object("truncation");
  const side = config.has("truncation_side")
    ? config.text("truncation_side", ["left", "right"])
    : (truncation.optionalText("direction") ?? "right").toLowerCase();
  return {
    truncateLeft: side === "left",
    tokenTypes: config.has("model_input_names")
      ? config.texts("model_input_names").includes("token_type_ids")
      : TYPED.has(tokenizerClass(config, model)),
    splitSpecial: config.flag("split_special_tokens"),
    special: specialTokens(config, files, tokenizer, has),
    maxCharacters: config.optionalWhole("max_characters", 1),
  };
}


function tokenizerClass(config: Fields, model: Fields): string {
  const type = model.optionalText("model_type") ?? "";
  if (GENERIC.includes(type)) return "";
  const name = config.optionalText("tokenizer_class") ?? model.optionalText("tokenizer_class");
  if (name === undefined) return CLASSES.get(type) ?? "";
  return name.replace(/Fast$/, "").replace(/Tokenizer$/, "");
}

/** `special_tokens_map.json` is not read where `added_tokens_decoder` is there; read, it comes first. */
function specialTokens(
  config: Fields,
  files: TokenizerFiles,
  tokenizer: Fields,
  has: (token: string) => boolean,
): Map<string, string> {
  const map = Object.hasOwn(config.values, "added_tokens_decoder")
    ? {}
    : Fields.of(files.specialTokens ?? {}, "special_tokens_map.json").values;
  const padding = tokenizer.object("padding").optionalText("pad_token");
  const named: Record<string, unknown> = { pad_token: padding, ...config.values, ...map };
  const found = new Map<string, string>();
  for (const role of ROLES) {
    const value = named[role];
    const content = typeof value === "object" && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof content === "string") found.set(role, content);
    else {
      const usual = USUAL[role]?.find(has);
      if (usual !== undefined) found.set(role, usual);
    }
  }
  return found;
}
