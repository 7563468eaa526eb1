/**
 * The lines of a mosquitto.conf and of what it includes, in the order in which they hold. mosquitto.conf(5),
 * "File format" and `include_dir`. What they mean is the business of others.
 */

import type { Note, Place } from "./mosquitto_note.ts";

/** A directive: its name and all that stands behind it. */
export interface Directive extends Place {
  readonly name: string;
  /** Without blanks around it; "" where there is none. */
  readonly value: string;
}

/** What an import may look at. Both throw an Error that says why they cannot. */
export interface ImportOutside {
  readonly readFile: (path: string) => string;
  /** The names of the files in a directory. */
  readonly listFiles: (path: string) => readonly string[];
}

/** Lines of all files together, at most. */
const MOST_LINES = 200_000;

/** What was read, and what could not be. */
export interface Source {
  readonly directives: readonly Directive[];
  readonly notes: readonly Note[];
}

/** Reads the file and those that it includes. */
export function readMosquittoConf(file: string, outside: ImportOutside): Source {
  const notes: Note[] = [];
  const main = directivesOf(file, { file, line: 1, name: file, value: "" }, outside, notes);
  const directives = main.flatMap((directive) =>
    directive.name === "include_dir" ? included(directive, outside, notes) : [directive]
  );
  if (directives.length <= MOST_LINES) return { directives, notes };
  const text = `found ${directives.length} lines; expected at most ${MOST_LINES}`;
  return {
    directives: [],
    notes: [...notes, { file, line: 1, kind: "error", directive: "file", text }],
  };
}

/** In the order of the bytes of their names: capital letters first. */
function included(directive: Directive, outside: ImportOutside, notes: Note[]): Directive[] {
  const directory = directive.value.replace(/\/+$/, "") || "/";
  const names = attempt(() => outside.listFiles(directory), directive, notes) ?? [];
  return names.filter((name) => name.endsWith(".conf"))
    .toSorted((a, b) => a < b ? -1 : 1)
    .flatMap((name) => directivesOf(`${directory}/${name}`, directive, outside, notes))
    .filter((inner) => {
      if (inner.name !== "include_dir") return true;
      const text =
        "found in an included file; expected in the main file only: Mosquitto ignores it";
      notes.push({ ...placeOf(inner), kind: "check", directive: inner.name, text });
      return false;
    });
}

function directivesOf(
  file: string,
  cause: Directive,
  outside: ImportOutside,
  notes: Note[],
): Directive[] {
  const text = attempt(() => outside.readFile(file), cause, notes);
  return text === undefined ? [] : linesOf(text).map(([content, line]) => {
    const [, name, value] = /^(\S+)\s*([^]*)$/.exec(content)!;
    return { name: name!, value: value!, file, line };
  });
}

/** What is said, with the numbers of the lines; a `#` makes a comment as the very first character only. */
export function linesOf(text: string): [content: string, line: number][] {
  return text.split("\n")
    .map((content, at): [string, number] => [content.startsWith("#") ? "" : content.trim(), at + 1])
    .filter(([content]) => content !== "");
}

/** The result, or undefined and an error among the notes. */
export function attempt<T>(
  read: () => T,
  { name, ...place }: Directive,
  notes: Note[],
): T | undefined {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    notes.push({
      ...placeOf(place),
      kind: "error",
      directive: name,
      text: `cannot be read: ${reason}`,
    });
    return undefined;
  }
}

/** Where it stands. */
export function placeOf({ file, line }: Place): Place {
  return { file, line };
}
