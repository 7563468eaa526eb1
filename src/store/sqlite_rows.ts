/**
 * The rows of Deno KV's table, read from the pages of its database however many of these are damaged:
 * down the tree from its root, past what cannot be read, and then every page that the tree should have
 * led to and did not. A page that was set free holds rows that were deleted, so those are left out.
 *
 * Work and memory are bounded: a page is looked at once, and a bit is kept of each.
 */

import { decodeKey } from "./kv_encoding.ts";
import type { Pages } from "./sqlite_pages.ts";

export interface KvRow {
  /** As Deno KV encodes it. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly encoding: number;
  readonly version: number;
  /** Not found by way of the tree: it may be older than one with the same key that was. */
  readonly stray: boolean;
}

/** Where Deno KV's table, and the index that has all keys too, begin, when the schema does not say. */
const KV_ROOT = 4;
const INDEX_ROOT = 9;

const INTERIOR = 0x02;
const LEAF = 0x0a;
const DEEPEST = 24;
/** A key has at most 2 KiB, a value 64, and a row some numbers beside. */
const LARGEST_ROW = 70_000;

type Column = number | Uint8Array | string | null;

export class KvRows {
  readonly #pages: Pages;
  readonly #seen: Uint8Array;
  readonly #roots: { readonly kv: number; readonly index: number };
  /** Pages and rows that could not be read. */
  damages = 0;

  constructor(pages: Pages) {
    this.#pages = pages;
    this.#seen = new Uint8Array((pages.count >> 3) + 1);
    this.#roots = rootsOf(pages);
  }

  /** All rows that can be read; those of the tree by key, then the stray ones. */
  *rows(): Generator<KvRow> {
    for (const columns of this.#walk(this.#roots.kv, 0)) {
      const row = rowOf(columns, false);
      if (row === undefined) this.damages += 1;
      else yield row;
    }
    if (this.damages === 0) return;
    const damages = this.damages;
    this.#passFree();
    for (const _ of this.#walk(this.#roots.index, 0)); // so that its pages count as seen
    this.damages = damages;
    for (let number = 2; number <= this.#pages.count; number++) {
      if (this.#isSeen(number)) continue;
      const page = this.#pages.read(number);
      if (page === undefined || (page[0] !== LEAF && page[0] !== INTERIOR)) continue;
      this.#see(number);
      for (const at of cellsOf(page)) {
        const columns = this.#record(page, at + (page[0] === INTERIOR ? 4 : 0));
        const row = columns === undefined ? undefined : rowOf(columns, true);
        if (row !== undefined) yield row;
      }
    }
  }

  /** All keys that the index has, which is another tree: what was there, if not what it was. */
  *keys(): Generator<Uint8Array> {
    this.#seen.fill(0);
    for (const columns of this.#walk(this.#roots.index, 0)) {
      if (columns.length === 2 && columns[1] instanceof Uint8Array) yield columns[1];
    }
  }

  *#walk(number: number, depth: number): Generator<readonly Column[]> {
    const page = number < 1 || number > this.#pages.count || this.#isSeen(number) ||
        depth > DEEPEST
      ? undefined
      : this.#pages.read(number);
    if (page === undefined || (page[0] !== LEAF && page[0] !== INTERIOR)) {
      this.damages += 1;
      return;
    }
    this.#see(number);
    const interior = page[0] === INTERIOR;
    const view = viewOf(page);
    const cells = cellsOf(page);
    if (cells.length !== view.getUint16(3)) this.damages += 1;
    for (const at of cells) {
      if (interior) yield* this.#walk(view.getUint32(at), depth + 1);
      const columns = this.#record(page, at + (interior ? 4 : 0));
      if (columns === undefined) this.damages += 1;
      else yield columns;
    }
    if (interior) yield* this.#walk(view.getUint32(8), depth + 1);
  }

  /** The columns of a record whose cell is at that place of a page; undefined where it is none. */
  #record(page: Uint8Array, cell: number): readonly Column[] | undefined {
    const { usable } = this.#pages;
    const [length, at] = varint(page, cell);
    if (length < 2 || length > LARGEST_ROW) return undefined;
    const most = Math.floor((usable - 12) * 64 / 255) - 23;
    const least = Math.floor((usable - 12) * 32 / 255) - 23;
    const fitting = least + (length - least) % (usable - 4);
    const local = length <= most ? length : fitting <= most ? fitting : least;
    if (at + local > usable) return undefined;
    if (local === length) return columnsOf(page.subarray(at, at + length));
    const payload = new Uint8Array(length);
    payload.set(page.subarray(at, at + local));
    if (at + local + 4 > usable) return undefined;
    let next = viewOf(page).getUint32(at + local);
    for (let filled = local; filled < length;) {
      if (next < 2 || next > this.#pages.count || this.#isSeen(next)) return undefined;
      const more = this.#pages.read(next);
      if (more === undefined) return undefined;
      this.#see(next);
      payload.set(more.subarray(4, Math.min(usable, 4 + length - filled)), filled);
      filled += usable - 4;
      next = viewOf(more).getUint32(0);
    }
    return columnsOf(payload);
  }

  /** Counts the free pages as seen. */
  #passFree(): void {
    const first = this.#pages.read(1);
    let trunk = first === undefined ? 0 : viewOf(first).getUint32(32);
    while (trunk > 1 && trunk <= this.#pages.count && !this.#isSeen(trunk)) {
      const page = this.#pages.read(trunk);
      if (page === undefined) return;
      this.#see(trunk);
      const view = viewOf(page);
      const leaves = Math.min(view.getUint32(4), (this.#pages.usable >> 2) - 2);
      for (let n = 0; n < leaves; n++) {
        const leaf = view.getUint32(8 + 4 * n);
        if (leaf <= this.#pages.count) this.#see(leaf);
      }
      trunk = view.getUint32(0);
    }
  }

  #isSeen(number: number): boolean {
    return (this.#seen[number >> 3]! & (1 << (number & 7))) !== 0;
  }

  #see(number: number): void {
    this.#seen[number >> 3]! |= 1 << (number & 7);
  }
}

/** Where the cells of a page are, as far as that can be. */
function cellsOf(page: Uint8Array): number[] {
  const view = viewOf(page);
  const from = page[0] === INTERIOR ? 12 : 8;
  const count = view.getUint16(3);
  const cells: number[] = [];
  for (let n = 0; n < count && from + 2 * n + 2 <= page.length; n++) {
    const at = view.getUint16(from + 2 * n);
    if (at >= from + 2 * count && at < page.length - 5) cells.push(at);
  }
  return cells;
}

/** A row of Deno KV: key, value, its encoding, version, and two numbers more. */
function rowOf(columns: readonly Column[], stray: boolean): KvRow | undefined {
  const [key, value, encoding, version] = columns;
  if (
    columns.length < 4 || !(key instanceof Uint8Array) || !(value instanceof Uint8Array) ||
    typeof encoding !== "number" || typeof version !== "number" || decodeKey(key) === undefined
  ) return undefined;
  return { key, value, encoding, version, stray };
}

/** The values of a record; undefined where it cannot be one. */
function columnsOf(record: Uint8Array): readonly Column[] | undefined {
  const [header, first] = varint(record, 0);
  if (header > record.length) return undefined;
  const columns: Column[] = [];
  let value = header;
  for (let at = first; at < header;) {
    let type: number;
    [type, at] = varint(record, at);
    const length = type < 12 ? NUMBERS[type] : (type - 12 - type % 2) / 2;
    if (length === undefined || value + length > record.length) return undefined;
    columns.push(columnOf(type, record.subarray(value, value + length)));
    value += length;
  }
  return value === record.length ? columns : undefined;
}

/** Bytes of the numeric types; 10 and 11 are none. */
const NUMBERS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];
const TEXTS = new TextDecoder();

function columnOf(type: number, bytes: Uint8Array): Column {
  if (type >= 12) return type % 2 === 0 ? bytes : TEXTS.decode(bytes);
  if (type === 0 || type === 7) return null;
  if (type >= 8) return type - 8;
  let value = bytes[0]! << 24 >> 24;
  for (let i = 1; i < bytes.length; i++) value = value * 256 + bytes[i]!;
  return value;
}

/** Seven bits a byte, the highest first; the number and where it ends. */
function varint(bytes: Uint8Array, from: number): [value: number, end: number] {
  let value = 0;
  for (let n = 0; n < 9; n++) {
    const byte = bytes[from + n] ?? 0;
    if (n === 8) return [value * 256 + byte, from + 9];
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, from + n + 1];
  }
  return [value, from + 9];
}

/** What the schema on the first page says, or what a database of Deno KV has had so far. */
function rootsOf(pages: Pages): { readonly kv: number; readonly index: number } {
  const roots = { kv: KV_ROOT, index: INDEX_ROOT };
  const page = pages.read(1);
  if (page === undefined || page[100] !== 0x0d) return roots;
  const view = viewOf(page);
  const count = Math.min(view.getUint16(103), 100);
  for (let n = 0; n < count; n++) {
    const [length, rowid] = varint(page, view.getUint16(108 + 2 * n));
    const [, at] = varint(page, rowid);
    const columns = at + length > pages.usable
      ? undefined
      : columnsOf(page.subarray(at, at + length));
    const root = columns?.[3];
    if (typeof root !== "number" || root < 2 || root > pages.count) continue;
    if (columns?.[1] === "kv") roots.kv = root;
    if (columns?.[1] === "kv_expiration_ms_idx") roots.index = root;
  }
  return roots;
}

function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}
