/**
 * Keeps the checksum of the tables up to date, a small part at a time, so that nobody waits for it: of a million
 * subscriptions it takes 20 seconds and a fortieth of the time of one processor.
 */

import { checksumInParts } from "../broker/checksum.ts";
import type { Tables } from "../broker/tables.ts";

/** Sessions, subscriptions, retained messages and routes in one part: about half a millisecond. */
const PART = 1_000;
/** Milliseconds between two parts, and between two looks whether anything has changed. */
const PAUSE = 20;
const LOOK = 1_000;

export interface ChecksumWatch {
  readonly tables: () => Readonly<Tables>;
  /** Another one where the tables may be others. */
  readonly position: () => string;
  readonly done: (checksum: string) => void;
}

/** Begins; the function that is returned ends it. */
export function watchChecksum({ tables, position, done }: ChecksumWatch): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let of: string | undefined;
  let last = "";
  const look = () => {
    const now = position();
    if (now === of) {
      timer = setTimeout(look, LOOK);
      return;
    }
    of = now;
    goOn(checksumInParts(tables(), PART));
  };
  const goOn = (parts: Generator<undefined, string>) => {
    const part = parts.next();
    if (part.done !== true) {
      timer = setTimeout(goOn, PAUSE, parts);
      return;
    }
    if (part.value !== last) done(last = part.value);
    timer = setTimeout(look, LOOK);
  };
  look();
  return () => clearTimeout(timer);
}
