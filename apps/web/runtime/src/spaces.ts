// White space as Python sees it: an answer must end where Python's ends. JavaScript's `trim` takes
// U+FEFF too, and leaves U+001C to U+001F and U+0085.
const BLANK = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LEADING = new RegExp(`^[${BLANK}]+`);
const TRAILING = new RegExp(`[${BLANK}]+$`);
const ALL = new RegExp(`^[${BLANK}]*$`);

/** Whether a text is empty or white space alone. */
export function isBlank(text: string): boolean {
  return ALL.test(text);
}

export function trimStart(text: string): string {
  return text.replace(LEADING, "");
}

export function trimEnd(text: string): string {
  // A search for the end from every space would take the square of a long run's length.
  let end = text.length;
  while (end > 0 && TRAILING.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

export function trim(text: string): string {
  return trimEnd(trimStart(text));
}
