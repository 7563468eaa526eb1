/**
 * What the flat tables of levels have in common, `child_table.ts` and `name_table.ts`: how a level is hashed, what it
 * is called where its hash does not help, and the directory that finds the page of a hash.
 *
 *     directory ── upper bits of the hash ──► page ── lower bits ──► slot, or one of the next ones
 */

import { mapKey } from "./map_key.ts";

/** Slots of a page, at least and at most. */
export const SMALLEST = 16, LARGEST = 4096;
/** 65,536 pages hold 200 million nodes; what is more goes into the Map. */
export const DEEPEST = 16;
/** The most slots that are looked at, where a page of random hashes that is three quarters full needs 8. */
export const REACH = 32;

export interface HashPage {
  /** How many upper bits of the hash all have in common that are here. */
  readonly depth: number;
  /** Some that belong here are in the Map. */
  crowded: boolean;
}

/** Pages by the upper bits of a hash. */
export class PageDirectory<Page extends HashPage> {
  // Not `#`: `pageOf` is on the way of every message.
  private readonly make: (depth: number, slots: number) => Page;
  private pages: Page[];
  private depth = 0;

  /** @param make an empty page */
  constructor(make: (depth: number, slots: number) => Page) {
    this.make = make;
    this.pages = [make(0, SMALLEST)];
  }

  pageOf(hash: number): Page {
    return this.pages[hash >>> 1 >>> (31 - this.depth)]!; // >>> 32 would be >>> 0
  }

  /** Puts two empty pages in the place of one, by the first bit in which hashes may differ there. */
  part(page: Page): void {
    if (page.depth === this.depth) {
      this.pages = this.pages.flatMap((page) => [page, page]);
      this.depth += 1;
    }
    const depth = page.depth + 1;
    const parts = [this.make(depth, LARGEST), this.make(depth, LARGEST)];
    for (const part of parts) part.crowded = page.crowded;
    const bit = this.depth - depth;
    for (let at = this.pages.indexOf(page); this.pages[at] === page; at++) {
      this.pages[at] = parts[at >>> bit & 1]!;
    }
  }
}

/** The hash of the level `text[from..to)` of a branch: of random bits, upper and lower ones alike. */
export function hashOf(branch: number, text: string, from: number, to: number): number {
  let hash = Math.imul(branch, 0x9e3779b1);
  for (let at = from; at < to; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return mixed(hash);
}

/** The same of a level that is bytes. */
export function hashOfBytes(branch: number, bytes: Uint8Array, from: number, to: number): number {
  let hash = Math.imul(branch, 0x9e3779b1);
  for (let at = from; at < to; at++) {
    hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  }
  return mixed(hash);
}

function mixed(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return hash ^ hash >>> 16;
}

/** What a Map is asked for that level. */
export function crowdKey(branch: number, text: string, from: number, to: number): string {
  return mapKey(`${branch}/${text.slice(from, to)}`);
}
