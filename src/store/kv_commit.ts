/**
 * Any number of changes to a Deno KV database, all or nothing: as one atomic where it takes them, and
 * otherwise in three acts, of which one atomic decides.
 *
 * 1. What nothing refers to yet (blocks, parts) is written ahead, each atomic with a *note* of its keys.
 * 2. The rest and the end of the notes is one atomic; or, if it is too big, first written as an *intent*
 *    in chunks, whose header is the decision,
 * 3. and then done, in several atomics, the last of which ends the intent.
 *
 * `recover()` does an intent again and takes away what a note names: what a crash leaves is found
 * without looking at anything else.
 */

import { joined } from "../packet/joined.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { PART } from "./chunk.ts";
import type { Change, Key, Kv } from "./kv.ts";
import { intentKey, keySize, noteKey } from "./kv_key.ts";
import { damaged, troubleOf } from "./store_error.ts";

/** Deno KV takes 1,000 changes, 80 KiB of keys and 800 KiB in one atomic: with some room. */
const MOST_CHANGES = 950;
const MOST_KEY_BYTES = 72_000;
const MOST_BYTES = 760_000;
/** What a change takes beside key and value. */
const OVERHEAD = 16;

/** What was left behind by a crash. */
export interface Recovered {
  /** Records that belonged to nothing and are gone now. */
  readonly orphans: number;
  /** A decided commit was finished. */
  readonly redone: boolean;
  /** There was no room to take them away: they are in nobody's way until something is written. */
  readonly left: boolean;
}

/**
 * Makes the changes durable.
 *
 * @param decided is called when they are, though a part of them may still have to be done
 */
export async function commitAll(
  kv: Kv,
  changes: readonly Change[],
  decided: () => void,
): Promise<void> {
  let rest = changes;
  let groups = grouped(changes);
  if (groups.length > 1) {
    rest = [...changes.filter(({ ahead }) => !ahead), ...await writeAhead(kv, changes)];
    groups = grouped(rest);
  }
  if (groups.length <= 1) {
    if (groups[0] !== undefined) await kv.commit(groups[0]);
    return decided();
  }
  const chunks = await writeIntent(kv, rest);
  decided();
  await finish(kv, groups, chunks);
}

/** Finishes or takes back what a crash interrupted. */
export async function recover(kv: Kv): Promise<Recovered> {
  const [header] = await kv.get([intentKey(0)]);
  const redone = header !== undefined;
  if (redone) {
    const count = new ByteReader(header, "the header of an intent").varint();
    const keys = Array.from({ length: count }, (_, n) => intentKey(n + 1));
    const chunks = (await kv.get(keys)).map((chunk) => {
      if (chunk === undefined) throw damaged("an intent", "a part of it is missing");
      return chunk;
    });
    await finish(kv, grouped(decodeChanges(joined(chunks))), count);
  }
  const gone: Change[] = [];
  let notes = 0;
  for await (const { key } of kv.list(["i"])) gone.push(deletion(key));
  for await (const { key, value } of kv.list(["u"])) {
    for (const { key: named } of decodeChanges(value)) gone.push(deletion(named));
    // Behind the keys that it names: a crash amid this leaves the note for the next time.
    gone.push(deletion(key));
    notes += 1;
  }
  const orphans = gone.length - notes;
  try {
    for (const group of grouped(gone)) await kv.commit(group);
  } catch (error) {
    if (troubleOf(error) === "noRoom") return { orphans, redone, left: true };
    throw error;
  }
  return { orphans, redone, left: false };
}

/** Writes ahead what may be; the changes that end the notes. */
async function writeAhead(kv: Kv, changes: readonly Change[]): Promise<Change[]> {
  const ends: Change[] = [];
  for (const group of grouped(changes.filter(({ ahead }) => ahead), PART + OVERHEAD)) {
    const note = new ByteWriter();
    for (const { key } of group) writeChange(note, key, undefined);
    const key = noteKey(ends.length);
    await kv.commit([{ key, value: note.slice(), ahead: false }, ...group]);
    ends.push(deletion(key));
  }
  return ends;
}

/** Writes an intent, its header last; how many chunks it has. */
async function writeIntent(kv: Kv, changes: readonly Change[]): Promise<number> {
  const bytes = new ByteWriter(MOST_BYTES);
  for (const { key, value } of changes) writeChange(bytes, key, value);
  const chunks: Change[] = [];
  for (let at = 0; at < bytes.length; at += PART) {
    const value = bytes.slice(at, at + PART);
    chunks.push({ key: intentKey(chunks.length + 1), value, ahead: false });
  }
  const header = new ByteWriter(8);
  header.varint(chunks.length);
  const last: Change = { key: intentKey(0), value: header.slice(), ahead: false };
  for (const group of grouped([...chunks, last])) await kv.commit(group);
  return chunks.length;
}

/** Does what an intent says and ends it: the header goes with the last of it. */
async function finish(kv: Kv, groups: readonly Change[][], chunks: number): Promise<void> {
  for (let n = 0; n < groups.length; n++) await kv.commit(groups[n]!);
  const ends = Array.from({ length: chunks + 1 }, (_, n) => deletion(intentKey(n)));
  for (const group of grouped(ends)) await kv.commit(group);
}

function deletion(key: Key): Change {
  return { key, value: undefined, ahead: false };
}

/** The changes in as many groups as it takes atomics; `reserved` bytes are left free in each. */
function grouped(changes: readonly Change[], reserved = 0): Change[][] {
  const groups: Change[][] = [];
  let group: Change[] = [];
  let keys = 0;
  let bytes = reserved;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]!;
    const key = keySize(change.key);
    const size = key + (change.value?.length ?? 0) + OVERHEAD;
    if (
      group.length > 0 &&
      (group.length >= MOST_CHANGES || keys + key > MOST_KEY_BYTES || bytes + size > MOST_BYTES)
    ) {
      groups.push(group);
      group = [];
      keys = 0;
      bytes = reserved;
    }
    group.push(change);
    keys += key;
    bytes += size;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function writeChange(to: ByteWriter, key: Key, value: Uint8Array | undefined): void {
  to.byte(key.length);
  for (const part of key) {
    if (typeof part === "number") {
      to.byte(0);
      to.float(part);
    } else if (typeof part === "string") {
      to.byte(1);
      to.text(part);
    } else {
      to.byte(2);
      to.bytes(part);
    }
  }
  to.byte(value === undefined ? 0 : 1);
  if (value !== undefined) to.bytes(value);
}

function decodeChanges(bytes: Uint8Array): Change[] {
  const from = new ByteReader(bytes, "an intent or a note");
  const changes: Change[] = [];
  while (from.left > 0) {
    const key: (string | number | Uint8Array)[] = [];
    for (let n = from.byte(); n > 0; n--) {
      const type = from.byte();
      if (type > 2) throw from.wrong(`a part of a key of type ${type}`);
      key.push(type === 0 ? from.float() : type === 1 ? from.text() : from.bytes().slice());
    }
    const value = from.byte() === 0 ? undefined : from.bytes().slice();
    changes.push({ key, value, ahead: false });
  }
  return changes;
}
