/**
 * `dunlin store import`: an export becomes the store of a data directory, all of it or nothing.
 */

import { holdingStore, importStore } from "../server/store_tools.ts";
import { LONGEST_LINE } from "../store/import_store.ts";
import type { StorePlace } from "./store_place.ts";
import { onStore } from "./store_place.ts";

export interface ImportOptions extends StorePlace {
  /** The export; `-` is standard input. */
  readonly file: string;
  /** A store that is not empty is set aside. */
  readonly replace?: boolean;
}

/**
 * Prints a line with the number of records to standard output.
 *
 * @returns the exit status: 0, or 1 where nothing was imported
 */
export function storeImport(options: ImportOptions): Promise<number> {
  return onStore("import", options, 1, async (directory) => {
    const from = options.file === "-" ? Deno.stdin : await Deno.open(options.file);
    return await holdingStore(directory, true, async (file) => {
      const lines = linesOf(from.readable);
      const { records, aside } = await importStore(file, lines, options.replace === true);
      console.log(`${file.path}: ${records} records imported`);
      if (aside !== undefined) console.log(`the store that was there is now ${aside}`);
      return 0;
    });
  });
}

/** Lines without their line feeds; what stands behind the last one is a line too. */
async function* linesOf(bytes: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let parts: string[] = [];
  let length = 0;
  for await (const text of bytes.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))) {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      parts.push(text.slice(from, end));
      yield parts.join("");
      parts = [];
      length = 0;
      from = end + 1;
    }
    if (from === text.length) continue;
    parts.push(text.slice(from));
    length += text.length - from;
    if (length > LONGEST_LINE) throw new Error(`a line has more than ${LONGEST_LINE} characters`);
  }
  if (parts.length > 0) yield parts.join("");
}
