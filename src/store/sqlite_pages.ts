/**
 * The pages of an SQLite database file as they would be read after its write-ahead log was worked in,
 * without SQLite: what SQLite refuses as a whole (a header that is gone, a file that is cut off) can be
 * read page by page. The format is that of sqlite.org/fileformat2.html.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface Pages {
  readonly size: number;
  /** Bytes of a page that may be used. */
  readonly usable: number;
  /** Pages are numbered from 1 to this. */
  readonly count: number;
  /** A page; undefined when it is not there as a whole. */
  read(number: number): Uint8Array | undefined;
  close(): void;
}

const MAGIC = "SQLite format 3\u0000";
/** Deno KV's, when the header does not say. */
const DEFAULT_SIZE = 4_096;

/** Opens a database file and its log, if that is there. Throws where the file cannot be opened. */
export function openPages(path: string): Pages {
  const file = openSync(path, "r");
  const length = fstatSync(file).size;
  const header = bytesAt(file, 0, 100);
  const known = header !== undefined &&
    String.fromCharCode(...header.subarray(0, 16)) === MAGIC;
  const said = known ? sizeIn(header) : 0;
  const log = openLog(`${path}-wal`, said);
  const size = said !== 0 ? said : log?.size ?? DEFAULT_SIZE;
  const reserved = known && said !== 0 ? header[20]! : 0;
  return {
    size,
    usable: size - reserved,
    count: Math.max(Math.floor(length / size), log?.last ?? 0),
    read(number) {
      const inLog = log?.at.get(number);
      return inLog === undefined
        ? bytesAt(file, (number - 1) * size, size)
        : bytesAt(log!.file, inLog, size);
    },
    close() {
      closeSync(file);
      if (log !== undefined) closeSync(log.file);
    },
  };
}

function sizeIn(header: Uint8Array): number {
  const size = header[16]! * 256 + header[17]!;
  if (size === 1) return 65_536;
  return size >= 512 && (size & (size - 1)) === 0 ? size : 0;
}

interface Log {
  readonly file: number;
  readonly size: number;
  /** Where the last committed version of a page stands. */
  readonly at: ReadonlyMap<number, number>;
  readonly last: number;
}

/** What the log holds up to its last commit that is whole. */
function openLog(path: string, pageSize: number): Log | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  const header = bytesAt(file, 0, 32);
  const view = header === undefined ? undefined : new DataView(header.buffer);
  const size = view?.getUint32(8) ?? 0;
  if (
    view === undefined || (view.getUint32(0) & ~1) !== 0x377f_0682 || size < 512 ||
    size > 65_536 || (pageSize !== 0 && size !== pageSize)
  ) {
    closeSync(file);
    return undefined;
  }
  const littleEndian = (view.getUint32(0) & 1) === 0;
  const sums: [number, number] = [0, 0];
  addTo(sums, view, 0, 24, littleEndian);
  const at = new Map<number, number>();
  let open = new Map<number, number>();
  let last = 0;
  for (let place = 32;; place += 24 + size) {
    const frame = bytesAt(file, place, 24 + size);
    if (frame === undefined) break;
    const of = new DataView(frame.buffer);
    if (of.getUint32(8) !== view.getUint32(16) || of.getUint32(12) !== view.getUint32(20)) break;
    addTo(sums, of, 0, 8, littleEndian);
    addTo(sums, of, 24, size, littleEndian);
    if (of.getUint32(16) !== sums[0] || of.getUint32(20) !== sums[1]) break;
    open.set(of.getUint32(0), place + 24);
    if (of.getUint32(4) === 0) continue;
    last = of.getUint32(4);
    for (const [number, where] of open) at.set(number, where);
    open = new Map();
  }
  return { file, size, at, last };
}

/** The checksum of the log goes on over these bytes. */
function addTo(
  sums: [number, number],
  view: DataView,
  from: number,
  length: number,
  littleEndian: boolean,
): void {
  let [a, b] = sums;
  for (let at = from; at < from + length; at += 8) {
    a = (a + view.getUint32(at, littleEndian) + b) >>> 0;
    b = (b + view.getUint32(at + 4, littleEndian) + a) >>> 0;
  }
  sums[0] = a;
  sums[1] = b;
}

function bytesAt(
  file: number,
  position: number,
  length: number,
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(length);
  try {
    return readSync(file, bytes, 0, length, position) === length ? bytes : undefined;
  } catch {
    return undefined; // a sector that the disk cannot read any more
  }
}
