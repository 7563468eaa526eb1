/**
 * A persistent map by name: a change copies one of its 4,096 buckets, and the two lists of 64 that lead to it, so
 * that thousands of clients can be created one by one without copying all of them each time. Pure values.
 */

const WIDTH = 64;

type Bucket<V> = ReadonlyMap<string, V>;
type Shelf<V> = readonly (Bucket<V> | undefined)[];

/** Values by name. Never changed in place. */
export interface NameMap<V> {
  readonly size: number;
  readonly shelves: readonly (Shelf<V> | undefined)[];
}

const EMPTY_SHELF: Shelf<never> = new Array<undefined>(WIDTH).fill(undefined);
const EMPTY: NameMap<never> = { size: 0, shelves: new Array<undefined>(WIDTH).fill(undefined) };

/** A map of nothing. */
export function emptyNames<V>(): NameMap<V> {
  return EMPTY;
}

/** The value under that name. */
export function valueOf<V>({ shelves }: NameMap<V>, name: string): V | undefined {
  const hash = hashOf(name);
  return shelves[shelfOf(hash)]?.[placeOf(hash)]?.get(name);
}

/** The map with that value under the name. */
export function withName<V>(map: NameMap<V>, name: string, value: V): NameMap<V> {
  const hash = hashOf(name);
  const before = map.shelves[shelfOf(hash)]?.[placeOf(hash)];
  const bucket = new Map(before).set(name, value);
  return withBucket(map, hash, bucket, bucket.size - (before?.size ?? 0));
}

/** The map with many values, each bucket copied once. */
export function withNames<V>(
  map: NameMap<V>,
  values: Iterable<readonly [name: string, value: V]>,
): NameMap<V> {
  const buckets = new Map<number, Map<string, V>>();
  const shelves: ((Bucket<V> | undefined)[] | undefined)[] = new Array(WIDTH).fill(undefined);
  let { size } = map;
  for (const [name, value] of values) {
    const hash = hashOf(name);
    const at = shelfOf(hash);
    let bucket = buckets.get(hash);
    if (bucket === undefined) {
      const shelf = shelves[at] ??= [...map.shelves[at] ?? EMPTY_SHELF];
      buckets.set(hash, bucket = new Map(shelf[placeOf(hash)]));
      shelf[placeOf(hash)] = bucket;
    }
    size -= bucket.size;
    bucket.set(name, value);
    size += bucket.size;
  }
  return { size, shelves: map.shelves.map((shelf, at) => shelves[at] ?? shelf) };
}

/** The map without the name; the same one where it has no such name. */
export function withoutName<V>(map: NameMap<V>, name: string): NameMap<V> {
  const hash = hashOf(name);
  const before = map.shelves[shelfOf(hash)]?.[placeOf(hash)];
  if (before === undefined || !before.has(name)) return map;
  const bucket = new Map(before);
  bucket.delete(name);
  return withBucket(map, hash, bucket.size === 0 ? undefined : bucket, -1);
}

function withBucket<V>(
  { size, shelves }: NameMap<V>,
  hash: number,
  bucket: Bucket<V> | undefined,
  more: number,
): NameMap<V> {
  const at = shelfOf(hash);
  const shelf = (shelves[at] ?? EMPTY_SHELF).with(placeOf(hash), bucket);
  return { size: size + more, shelves: shelves.with(at, shelf) };
}

/** All names, in the order of their UTF-16 units. */
export function namesOf(map: NameMap<unknown>): readonly string[] {
  let names = sorted.get(map);
  if (names === undefined) {
    names = Array.from(entriesOf(map), ([name]) => name).sort();
    sorted.set(map, names);
  }
  return names;
}

/** A memory of a pure function: one request may ask for a thousand pages of one list. */
const sorted = new WeakMap<NameMap<unknown>, readonly string[]>();

/** All names and values, in no order. */
export function* entriesOf<V>({ shelves }: NameMap<V>): Iterable<readonly [string, V]> {
  for (const shelf of shelves) {
    for (const bucket of shelf ?? []) if (bucket !== undefined) yield* bucket;
  }
}

/** FNV-1a over the UTF-16 units, 12 bits of it. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return (hash ^ hash >>> 16) & (WIDTH * WIDTH - 1);
}

function shelfOf(hash: number): number {
  return hash >>> 6;
}

function placeOf(hash: number): number {
  return hash & (WIDTH - 1);
}
