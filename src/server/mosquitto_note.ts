/**
 * What the import of a Mosquitto configuration has to say of a line. Values only.
 */

/** Where something stands. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/**
 * `error`: nothing can be made of it, and there is no result. `stricter`: the result allows less. `lost`: it has
 * no counterpart, and nobody may do more for it. `check`: kept, but somebody should look at it.
 */
export type NoteKind = "error" | "stricter" | "lost" | "check";

export interface Note extends Place {
  readonly kind: NoteKind;
  /** The line's first word. */
  readonly directive: string;
  /** What became of it, and what to do instead. */
  readonly text: string;
}

/** A note as a line for people. */
export function noteText({ file, line, kind, directive, text }: Note): string {
  return `${file}:${line}: ${kind}: ${directive}: ${text}`;
}
