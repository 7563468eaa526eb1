/**
 * Texts with `*` for any characters, none included; every other character stands for itself. Pure.
 */

/**
 * Whether the pattern matches the whole text, in time of pattern times text at most.
 *
 * @param pattern any text; `*` cannot be escaped
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < text.length) {
    // First: a * in the text is no reason to take the * of the pattern for it.
    if (pattern.charCodeAt(at) === STAR) {
      star = at++;
      resume = from;
    } else if (at < pattern.length && pattern.charCodeAt(at) === text.charCodeAt(from)) {
      at++;
      from++;
    } else if (star !== -1) { // the last * takes one character more
      at = star + 1;
      from = ++resume;
    } else {
      return false;
    }
  }
  while (pattern.charCodeAt(at) === STAR) at++;
  return at === pattern.length;
}

const STAR = 0x2a;
