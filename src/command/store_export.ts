/**
 * `dunlin store export`: a store as JSON lines, to keep as a backup or to move to another driver. The
 * format is described in src/store/json_lines.ts.
 */

import { holdingStore, readingStore } from "../server/store_tools.ts";
import { exportLines } from "../store/export_store.ts";
import type { StorePlace } from "./store_place.ts";
import { onStore } from "./store_place.ts";

export interface ExportOptions extends StorePlace {
  /** The file to write; it is there only when it is complete. */
  readonly output?: string;
}

/** Characters that are gathered for one write. */
const GATHERED = 1 << 16;

/**
 * Writes the export to a file or to standard output.
 *
 * @returns the exit status: 0, or 1 where it could not be written as a whole
 */
export function storeExport(options: ExportOptions): Promise<number> {
  const { output } = options;
  return onStore(
    "export",
    options,
    1,
    (directory) =>
      holdingStore(directory, false, (file) =>
        readingStore(file, async (store) => {
          if (output === undefined) {
            await writeLines(exportLines(store), (bytes) => Deno.stdout.writeSync(bytes));
            return 0;
          }
          const partial = `${output}.partial`;
          // It holds what clients sent: nobody else is to read it.
          const to = Deno.openSync(partial, {
            create: true,
            write: true,
            truncate: true,
            mode: 0o600,
          });
          try {
            await writeLines(exportLines(store), (bytes) => to.writeSync(bytes));
            to.syncSync();
          } finally {
            to.close();
          }
          Deno.renameSync(partial, output);
          return 0;
        })),
  );
}

async function writeLines(
  lines: AsyncIterable<string>,
  write: (bytes: Uint8Array) => number,
): Promise<void> {
  const encoder = new TextEncoder();
  let gathered = "";
  const flush = () => {
    for (let bytes = encoder.encode(gathered); bytes.length > 0;) {
      bytes = bytes.subarray(write(bytes));
    }
    gathered = "";
  };
  for await (const line of lines) {
    gathered += line;
    if (gathered.length >= GATHERED) flush();
  }
  flush();
}
