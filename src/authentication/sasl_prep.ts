/**
 * SASLprep, RFC 4013: user names and passwords that look the same become the same text.
 *
 * What is not done of RFC 4013: the check of right-to-left text (section 2.3); and the tables are those of
 * the Unicode version of this JavaScript engine, not of Unicode 3.2. Plain ASCII is not touched by it.
 */

/** Spaces that are no U+0020, RFC 3454 table C.1.2. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;

/** What is commonly mapped to nothing, RFC 3454 table B.1; U+200B is taken for a space before. */
const NOTHING =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200c\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/**
 * Control characters, private use, surrogates, what is unassigned or no character, what is meant for
 * display or other uses than text: RFC 3454 tables A.1, C.2 to C.9.
 */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\u06dd\u070f\u180e\ufff9-\ufffd\u2ff0-\u2ffb\u0340\u0341\u200e\u200f\u202a-\u202e\u2061-\u2063\u206a-\u206f\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The prepared text, which may be empty; undefined where it has a prohibited character. */
export function saslPrep(text: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const mapped = text.replace(SPACES, " ").replace(NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(mapped) ? undefined : mapped;
}
