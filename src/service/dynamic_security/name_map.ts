/**
 * A persistent map by name: a change copies one of its 256 buckets, so that thousands of clients can be
 * created one by one without copying all of them each time. Pure values.
 */

const BUCKETS = 256;

/** Values by name. Never changed in place. */
export interface NameMap<V> {
  readonly size: number;
  readonly buckets: readonly (ReadonlyMap<string, V> | undefined)[];
}

const EMPTY: NameMap<never> = {
  size: 0,
  buckets: new Array<undefined>(BUCKETS).fill(undefined),
};

/** A map of nothing. */
export function emptyNames<V>(): NameMap<V> {
  return EMPTY;
}

/** The value under that name. */
export function valueOf<V>({ buckets }: NameMap<V>, name: string): V | undefined {
  return buckets[bucketOf(name)]?.get(name);
}

/** The map with that value under the name. */
export function withName<V>(map: NameMap<V>, name: string, value: V): NameMap<V> {
  const at = bucketOf(name);
  const before = map.buckets[at];
  const bucket = new Map(before);
  bucket.set(name, value);
  const size = map.size + bucket.size - (before?.size ?? 0);
  return { size, buckets: map.buckets.with(at, bucket) };
}

/** The map with many values, each bucket copied once. */
export function withNames<V>(
  map: NameMap<V>,
  values: Iterable<readonly [name: string, value: V]>,
): NameMap<V> {
  const buckets: (ReadonlyMap<string, V> | undefined)[] = [...map.buckets];
  const own = new Map<number, Map<string, V>>();
  let { size } = map;
  for (const [name, value] of values) {
    const at = bucketOf(name);
    let bucket = own.get(at);
    if (bucket === undefined) {
      own.set(at, bucket = new Map(buckets[at]));
      buckets[at] = bucket;
    }
    size -= bucket.size;
    bucket.set(name, value);
    size += bucket.size;
  }
  return { size, buckets };
}

/** The map without the name; the same one where it has no such name. */
export function withoutName<V>(map: NameMap<V>, name: string): NameMap<V> {
  const at = bucketOf(name);
  const before = map.buckets[at];
  if (before === undefined || !before.has(name)) return map;
  const bucket = new Map(before);
  bucket.delete(name);
  return { size: map.size - 1, buckets: map.buckets.with(at, bucket) };
}

/** All names, in the order of their UTF-16 units. */
export function namesOf(map: NameMap<unknown>): readonly string[] {
  let names = sorted.get(map);
  if (names === undefined) {
    names = map.buckets.flatMap((bucket) => bucket === undefined ? [] : [...bucket.keys()]).sort();
    sorted.set(map, names);
  }
  return names;
}

/** A memory of a pure function: one request may ask for a thousand pages of one list. */
const sorted = new WeakMap<NameMap<unknown>, readonly string[]>();

/** All names and values, in no order. */
export function* entriesOf<V>({ buckets }: NameMap<V>): Iterable<readonly [string, V]> {
  for (const bucket of buckets) if (bucket !== undefined) yield* bucket;
}

/** FNV-1a over the UTF-16 units, as a bucket. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return (hash ^ hash >>> 16) & (BUCKETS - 1);
}
