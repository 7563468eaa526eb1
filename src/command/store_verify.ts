/**
 * `dunlin store verify`: reads every record of a store and shows each problem in a line of its own.
 */

import { carryOver } from "../server/carry_over.ts";
import { holdingStore, verifyStore } from "../server/store_tools.ts";
import { lineOf } from "../service/journal.ts";
import type { StorePlace } from "./store_place.ts";
import { onStore } from "./store_place.ts";

export interface VerifyOptions extends StorePlace {
  /** Sets a store with problems aside and puts what is whole of it in its place. */
  readonly repair?: boolean;
}

/**
 * Prints the problems and a last line with their number to standard output.
 *
 * @returns the exit status: 0 clean, or repaired; 1 problems; 2 it cannot be looked at
 */
export function storeVerify(options: VerifyOptions): Promise<number> {
  return onStore(
    "verify",
    options,
    2,
    (directory) =>
      holdingStore(directory, false, async (file) => {
        const { counts, problems } = await verifyStore(
          file,
          (line) => console.log(line),
          (line) => console.log(`note: ${line}`),
        );
        const records = counts === undefined
          ? "not all of it could be read"
          : Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ");
        console.log(`${file.path}: ${problems} problem${problems === 1 ? "" : "s"}; ${records}`);
        if (problems === 0) return 0;
        if (options.repair !== true) {
          console.log("dunlin store verify --repair sets it aside and carries over what is whole");
          return 1;
        }
        const { store, fact } = await carryOver(file, `${problems} problems were found`);
        await store.close();
        const { message, fields } = lineOf(fact);
        console.log(`${message}: ${fields.path}`);
        console.log(`carried over: ${fields.carried}; lost: ${fields.lost}`);
        return 0;
      }),
  );
}
