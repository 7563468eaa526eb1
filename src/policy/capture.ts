/**
 * Patterns with `*` for any characters and `{name}` for a part that is kept by its name: `plant-{line}-*`.
 * Every other character stands for itself. Pure.
 *
 * A `{name}` is at least one character and as few as possible, a `*` as few as possible: of `plant-3-a-b`
 * the line is `3`. As nothing refers back, one way through the text is enough: no pattern is slow.
 */

/** What was kept, by name. */
export type Captures = Readonly<Record<string, string>>;

export interface CapturePattern {
  readonly written: string;
  /** What stands between the gaps: one more than gaps. */
  readonly literals: readonly string[];
  /** Name of the part, or undefined for a `*`. */
  readonly gaps: readonly (string | undefined)[];
}

const GAP = /\*|\{([A-Za-z][A-Za-z0-9_]*)\}/g;

/** Takes a pattern apart; a brace that encloses no name stands for itself. */
export function parseCapture(written: string): CapturePattern {
  const literals: string[] = [];
  const gaps: (string | undefined)[] = [];
  let from = 0;
  for (const found of written.matchAll(GAP)) {
    literals.push(written.slice(from, found.index));
    gaps.push(found[1]);
    from = found.index + found[0].length;
  }
  literals.push(written.slice(from));
  return { written, literals, gaps };
}

/** The names in the pattern, in order. */
export function captureNames({ gaps }: CapturePattern): readonly string[] {
  return gaps.filter((name) => name !== undefined);
}

/** The pattern with a `*` for each name: it matches whatever this one does, and maybe more. */
export function withoutNames(written: string): string {
  return written.replace(GAP, "*");
}

/** What the named parts are; undefined where the pattern does not match the whole text. */
export function capture({ literals, gaps }: CapturePattern, text: string): Captures | undefined {
  const first = literals[0]!;
  if (gaps.length === 0) return text === first ? {} : undefined;
  if (!text.startsWith(first)) return undefined;
  const found: Record<string, string> = {};
  let at = first.length;
  for (let gap = 0; gap < gaps.length; gap++) {
    const name = gaps[gap];
    const literal = literals[gap + 1]!;
    const least = name === undefined ? at : at + 1;
    const last = gap === gaps.length - 1;
    const next = last ? text.length - literal.length : text.indexOf(literal, least);
    if (next < least || (last && !text.endsWith(literal))) return undefined;
    if (name !== undefined) found[name] = text.slice(at, next);
    at = next + literal.length;
  }
  return found;
}
