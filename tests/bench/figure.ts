/**
 * A row of the table of issue 5: how its figure is read from what was measured, and what it is held to. Pure.
 */

/** Results of a scenario's loads, in their order, each against a broker started anew, and that broker. */
export interface Measured {
  readonly results: readonly Readonly<Record<string, unknown>>[];
  /** Milliseconds from the start of the process to the first connection taken. */
  readonly started: number;
  /** Bytes, at rest and before any load. */
  readonly resident: number;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly of: (measured: Measured) => number;
  /** The same for each second of a processor that the broker used: what a busy machine does not change much. */
  readonly perProcessor?: (measured: Measured) => number;
  /** What floor and aim are about: the ratio to the peer, or the figure itself. */
  readonly held: "ratio" | "itself";
  readonly better: "more" | "less";
  readonly floor: number;
  readonly aim: number;
}

export type Mark = "below floor" | "floor" | "aim";

/** How a figure, or its ratio to the peer's, does by its floor and its aim. */
export function mark({ better, floor, aim }: Figure, value: number): Mark {
  const reaches = (bound: number) => better === "more" ? value >= bound : value <= bound;
  if (reaches(aim)) return "aim";
  return reaches(floor) ? "floor" : "below floor";
}

/** The middle one; of two the larger. NaN of none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;
}

/** A field of a result as a number; an error where the load generator did not say it. */
export function field(result: Readonly<Record<string, unknown>> | undefined, name: string): number {
  const value = result?.[name];
  if (typeof value !== "number") {
    throw new Error(`no ${name} in ${JSON.stringify(result)?.slice(0, 300)}`);
  }
  return value;
}
