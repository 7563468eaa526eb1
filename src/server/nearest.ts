/**
 * The known word that a misspelt one was probably meant to be.
 *
 * Works on keys and option values of at most a few dozen characters; longer words find nothing.
 */

const longestWord = 64;

/**
 * The candidate nearest to the word, or undefined when none is near: at most a third of the
 * word's letters may differ. Letter case counts for nothing.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > longestWord) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      let cost = Math.min(replaced, last[column]! + 1, line[column - 1]! + 1);
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      line.push(cost);
    }
    beforeLast = last;
    last = line;
  }
  return last[to.length]!;
}
