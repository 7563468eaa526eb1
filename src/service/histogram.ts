/**
 * How often a value fell into which of some fixed ranges: memory is taken once, an observation is a short
 * search and three additions.
 */

export interface Histogram {
  /** Upper bounds, rising; above the last one there is one range more. */
  readonly bounds: Float64Array;
  /** Of each range alone, one more than there are bounds. */
  readonly counts: Float64Array;
  sum: number;
}

/** An empty histogram with these upper bounds, which rise. */
export function newHistogram(bounds: readonly number[]): Histogram {
  return {
    bounds: Float64Array.from(bounds),
    counts: new Float64Array(bounds.length + 1),
    sum: 0,
  };
}

/** Counts a value: into the first range whose upper bound is not below it. */
export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let at = 0;
  while (at < bounds.length && value > bounds[at]!) at++;
  counts[at]! += 1;
  histogram.sum += value;
}

/** How many values there were. */
export function observations({ counts }: Histogram): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  return total;
}
