/**
 * A map from Packet Identifiers to values that is never changed: a change makes a new map which
 * shares all it can with the old one. MQTT 5.0 section 2.2.1.
 *
 * A trie with 16 ways at each node over the 16 bits of an id, most significant first; nodes with a
 * single child are left out. Ids in use lie close together, so a window of 20 is two or three
 * nodes, and a change copies one or two arrays of at most 16. It knows nothing of what the ids
 * are used for.
 */

import type { PacketId } from "../packet/packet.ts";

/** Made and read by the functions of this file only. */
export type PacketIdMap<V> = Leaf<V> | Branch<V>;

interface Leaf<V> {
  /** How many ids there are here and below. */
  readonly size: number;
  /** How many bits of an id are decided below this node: 0 in a leaf; 4, 8 or 12 in a branch. */
  readonly shift: 0;
  /** What the ids here have in common: their bits above those that this node decides. */
  readonly prefix: number;
  /** Bit `n` is set when there is a slot for ids whose four bits here are `n`. */
  readonly mask: number;
  /** The slots there are, in the order of their bits. */
  readonly slots: readonly V[];
}

interface Branch<V> {
  readonly size: number;
  readonly shift: number;
  readonly prefix: number;
  readonly mask: number;
  readonly slots: readonly PacketIdMap<V>[];
}

/** The last Packet Identifier. */
export const LARGEST = 65_535;

const EMPTY = { size: 0, shift: 0, prefix: 0, mask: 0, slots: [] } as const;

/** The map without ids; always the same object. */
export function emptyPacketIdMap<V>(): PacketIdMap<V> {
  return EMPTY;
}

/** The id behind that one: behind the last one comes 1. */
export function following(id: PacketId): PacketId {
  return id === LARGEST ? 1 : id + 1;
}

/** How many ids the map has. */
export function size<V>(map: PacketIdMap<V>): number {
  return map.size;
}

/** The value of an id, or undefined. */
export function get<V>(map: PacketIdMap<V>, id: PacketId): V | undefined {
  let node = map;
  for (;;) {
    const bit = bitOf(node, id);
    if (id >>> (node.shift + 4) !== node.prefix || (node.mask & bit) === 0) return undefined;
    if (isLeaf(node)) return node.slots[indexOf(node.mask, bit)];
    node = node.slots[indexOf(node.mask, bit)]!;
  }
}

/** Whether the map has an id. */
export function has<V>(map: PacketIdMap<V>, id: PacketId): boolean {
  return (maskAround(map, id) & (1 << (id & 15))) !== 0;
}

/**
 * The map with `value` for `id`; the same object when it is so already.
 *
 * @throws RangeError when `id` is not 1 to 65,535 [MQTT-2.2.1-3]
 */
export function set<V>(map: PacketIdMap<V>, id: PacketId, value: V): PacketIdMap<V> {
  if (!(id >= 1 && id <= LARGEST)) {
    throw new RangeError(`Packet Identifier ${id}: expected 1 to ${LARGEST}`);
  }
  return map.size === 0 ? leafOf(id, value) : setBelow(map, id, value);
}

/**
 * The map with a value for each id, `values` in the order of `ids`. Neighbours in ascending order go in together: a
 * window that is set at once costs a few arrays, not a few for each id. The ids are 1 to 65,535.
 */
export function setAll<V>(
  map: PacketIdMap<V>,
  ids: readonly PacketId[],
  values: readonly V[],
): PacketIdMap<V> {
  let next = map;
  for (let at = 0; at < ids.length;) {
    const prefix = ids[at]! >>> 4;
    const from = at;
    let mask = 0;
    do mask |= 1 << (ids[at++]! & 15); while (
      at < ids.length && ids[at]! >>> 4 === prefix && ids[at]! > ids[at - 1]!
    );
    const leaf = {
      size: at - from,
      shift: 0,
      prefix,
      mask,
      slots: values.slice(from, at),
    } as const;
    next = next.size === 0 ? leaf : merged(next, leaf);
  }
  return next;
}

/** The map with one value for `count` ids from `first` on, none of which it has; they are 1 to 65,535, at least one. */
export function setRange<V>(
  map: PacketIdMap<V>,
  first: PacketId,
  count: number,
  value: V,
): PacketIdMap<V> {
  const range = rangeOf(12, first, first + count, new Array<V>(Math.min(count, 16)).fill(value));
  return map.size === 0 ? range : merged(map, range);
}

/**
 * The ids from `from` to before `end` below a node of that shift.
 *
 * @param slots the value as often as a leaf may have it: leaves that need as many share them
 */
function rangeOf<V>(
  shift: number,
  from: PacketId,
  end: number,
  slots: readonly V[],
): PacketIdMap<V> {
  const size = end - from;
  const prefix = from >>> (shift + 4);
  if (shift === 0) {
    const mask = rangeMask(from, end);
    return { size, shift, prefix, mask, slots: size < slots.length ? slots.slice(0, size) : slots };
  }
  const children: PacketIdMap<V>[] = [];
  let mask = 0;
  for (let id = from; id < end;) {
    const next = Math.min(((id >>> shift) + 1) << shift, end);
    children.push(rangeOf(shift - 4, id, next, slots));
    mask |= 1 << ((id >>> shift) & 15);
    id = next;
  }
  return children.length === 1 ? children[0]! : { size, shift, prefix, mask, slots: children };
}

/** Whether the map has any of `count` ids from `first` on. */
export function hasAny<V>(map: PacketIdMap<V>, first: PacketId, count: number): boolean {
  return map.size > 0 && countBetween(map, first, first + count) > 0;
}

/** How many ids from `first` on have that value one behind the other, `most` at most. */
export function spanOf<V>(map: PacketIdMap<V>, first: PacketId, most: number, value: V): number {
  let count = 0;
  while (count < most) {
    const leaf = leafAround(map, first + count);
    if (leaf === undefined) return count;
    let bit = 1 << (first + count & 15);
    for (let at = indexOf(leaf.mask, bit); bit <= 1 << 15 && count < most; at++, bit <<= 1) {
      if ((leaf.mask & bit) === 0 || leaf.slots[at] !== value) return count;
      count += 1;
    }
  }
  return count;
}

/** How many ids it has from `from` to before `end`. */
function countBetween<V>(node: PacketIdMap<V>, from: PacketId, end: number): number {
  const first = firstBelow(node);
  const behind = first + (16 << node.shift);
  if (from <= first && end >= behind) return node.size;
  if (from >= behind || end <= first) return 0;
  if (isLeaf(node)) {
    return indexOf(node.mask & rangeMask(Math.max(from, first), Math.min(end, behind)), 1 << 16);
  }
  let count = 0;
  for (let i = 0; i < node.slots.length; i++) count += countBetween(node.slots[i]!, from, end);
  return count;
}

/** Without the ids from `from` to before `end`. Undefined: nothing is left. */
function withoutBetween<V>(
  node: PacketIdMap<V>,
  from: PacketId,
  end: number,
): PacketIdMap<V> | undefined {
  const first = firstBelow(node);
  const behind = first + (16 << node.shift);
  if (from <= first && end >= behind) return undefined;
  if (from >= behind || end <= first) return node;
  const { shift, prefix } = node;
  if (isLeaf(node)) {
    const mask = node.mask & ~rangeMask(Math.max(from, first), Math.min(end, behind));
    if (mask === 0) return undefined;
    const slots = kept(node, mask);
    return { size: slots.length, shift: 0, prefix, mask, slots };
  }
  const slots: PacketIdMap<V>[] = [];
  let mask = 0;
  let size = 0;
  for (let i = 0; i < node.slots.length; i++) {
    const rest = withoutBetween(node.slots[i]!, from, end);
    if (rest === undefined) continue;
    slots.push(rest);
    mask |= bitOf(node, firstBelow(rest));
    size += rest.size;
  }
  return slots.length < 2 ? slots[0] : { size, shift, prefix, mask, slots };
}

/** The lowest id that there may be below a node. */
function firstBelow<V>({ prefix, shift }: PacketIdMap<V>): number {
  return prefix << (shift + 4);
}

/** The bits of the ids from `from` to before `end`, which lie among the same 16. */
function rangeMask(from: PacketId, end: number): number {
  return ((1 << (end - from)) - 1) << (from & 15);
}

/** The map without `id`; the same object when it was not there. */
export function remove<V>(map: PacketIdMap<V>, id: PacketId): PacketIdMap<V> {
  return has(map, id) ? removeBits(map, id, 1 << (id & 15)) ?? emptyPacketIdMap() : map;
}

/**
 * The map without these ids, neighbours at once; undefined where it has not all of them, or one comes twice.
 *
 * @param inRow each is one more than the one before it
 */
export function removeAll<V>(
  map: PacketIdMap<V>,
  ids: readonly PacketId[],
  inRow = false,
): PacketIdMap<V> | undefined {
  if (inRow && ids.length > 0) return removeRange(map, ids[0]!, ids.length);
  let rest: PacketIdMap<V> = map;
  for (let at = 0; at < ids.length;) {
    const id = ids[at]!;
    let bits = 0;
    do {
      const bit = 1 << (ids[at]! & 15);
      if ((bits & bit) !== 0) return undefined;
      bits |= bit;
      at += 1;
    } while (at < ids.length && ids[at]! >>> 4 === id >>> 4);
    if ((maskAround(rest, id) & bits) !== bits) return undefined;
    rest = removeBits(rest, id, bits) ?? emptyPacketIdMap();
  }
  return rest;
}

/** The same of `count` ids from `first` on. */
export function removeRange<V>(
  map: PacketIdMap<V>,
  first: PacketId,
  count: number,
): PacketIdMap<V> | undefined {
  if (count === 0) return map;
  if (countBetween(map, first, first + count) !== count) return undefined;
  return withoutBetween(map, first, first + count) ?? emptyPacketIdMap();
}

/** The ids with their values, ids ascending; a new array that the caller may keep. */
export function entries<V>(map: PacketIdMap<V>): [id: PacketId, value: V][] {
  const found: [PacketId, V][] = [];
  collect(map, found);
  return found;
}

/**
 * The first id that the map has not, from `from` upwards and after 65,535 on from 1; 0 if it has
 * all. A `from` of 0 or 65,536 stands for 1.
 */
export function firstFree<V>(map: PacketIdMap<V>, from: PacketId): PacketId | 0 {
  if (map.size >= LARGEST) return 0;
  let id = from & LARGEST;
  for (;;) {
    // The bits of the ids in use among the 16 around `id`, those below it counted as in use; so is 0.
    const used = maskAround(map, id) | ((1 << (id & 15)) - 1) | (id < 16 ? 1 : 0);
    const free = ~used & 0xffff;
    if (free !== 0) return (id & ~15) | (31 - Math.clz32(free & -free));
    id = ((id | 15) + 1) & LARGEST;
  }
}

function isLeaf<V>(node: PacketIdMap<V>): node is Leaf<V> {
  return node.shift === 0;
}

function leafOf<V>(id: PacketId, value: V): Leaf<V> {
  return { size: 1, shift: 0, prefix: id >>> 4, mask: 1 << (id & 15), slots: [value] };
}

function bitOf<V>(node: PacketIdMap<V>, id: PacketId): number {
  return 1 << ((id >>> node.shift) & 15);
}

/** Where in `slots` the slot of `bit` is, or would be: the number of set bits below it. */
function indexOf(mask: number, bit: number): number {
  let bits = mask & (bit - 1);
  bits -= (bits >>> 1) & 0x5555;
  bits = (bits & 0x3333) + ((bits >>> 2) & 0x3333);
  bits = (bits + (bits >>> 4)) & 0x0f0f;
  return (bits + (bits >>> 8)) & 0x1f;
}

/** The mask of the 16 ids that differ from `id` in the last four bits only. */
function maskAround<V>(map: PacketIdMap<V>, id: PacketId): number {
  return leafAround(map, id)?.mask ?? 0;
}

/** The leaf of these 16 ids. */
function leafAround<V>(map: PacketIdMap<V>, id: PacketId): Leaf<V> | undefined {
  let node = map;
  for (;;) {
    if (id >>> (node.shift + 4) !== node.prefix) return undefined;
    if (isLeaf(node)) return node;
    const bit = bitOf(node, id);
    if ((node.mask & bit) === 0) return undefined;
    node = node.slots[indexOf(node.mask, bit)]!;
  }
}

function setBelow<V>(node: PacketIdMap<V>, id: PacketId, value: V): PacketIdMap<V> {
  if (id >>> (node.shift + 4) !== node.prefix) return join(node, leafOf(id, value));
  const bit = bitOf(node, id);
  const index = indexOf(node.mask, bit);
  const known = (node.mask & bit) !== 0;
  const { size, shift, prefix, mask } = node;
  if (isLeaf(node)) {
    if (!known) {
      const slots = inserted(node.slots, index, value);
      return { size: size + 1, shift: 0, prefix, mask: mask | bit, slots };
    }
    if (node.slots[index] === value) return node;
    return { size, shift: 0, prefix, mask, slots: replaced(node.slots, index, value) };
  }
  if (!known) {
    const slots = inserted(node.slots, index, leafOf(id, value));
    return { size: size + 1, shift, prefix, mask: mask | bit, slots };
  }
  const old = node.slots[index]!;
  const child = setBelow(old, id, value);
  if (child === old) return node;
  const slots = replaced(node.slots, index, child);
  return { size: size + child.size - old.size, shift, prefix, mask, slots };
}

/** Two nodes, neither below the other, under the branch that tells them apart. */
function join<V>(node: PacketIdMap<V>, other: PacketIdMap<V>): Branch<V> {
  const one = firstBelow(node);
  const two = firstBelow(other);
  // The four bits of the highest difference. It is above both prefixes, so never in the last four.
  const shift = (31 - Math.clz32(one ^ two)) & ~3;
  const mask = (1 << ((one >>> shift) & 15)) | (1 << ((two >>> shift) & 15));
  return {
    size: node.size + other.size,
    shift,
    prefix: two >>> (shift + 4),
    mask,
    slots: one < two ? [node, other] : [other, node],
  };
}

/** With all that another has: no id is in both, unless `other` is a leaf, whose values then take the others' place. */
function merged<V>(node: PacketIdMap<V>, other: PacketIdMap<V>): PacketIdMap<V> {
  if (node.shift < other.shift && isBelow(node, other)) return merged(other, node);
  if (!isBelow(other, node)) return join(node, other);
  if (isLeaf(node)) return mergedLeaf(node, other as Leaf<V>);
  if (node.shift === other.shift) return (other as Branch<V>).slots.reduce(merged<V>, node);
  const { size, shift, prefix, mask } = node;
  const bit = bitOf(node, firstBelow(other));
  const index = indexOf(mask, bit);
  if ((mask & bit) === 0) {
    const slots = inserted(node.slots, index, other);
    return { size: size + other.size, shift, prefix, mask: mask | bit, slots };
  }
  const old = node.slots[index]!;
  const child = merged(old, other);
  const slots = replaced(node.slots, index, child);
  return { size: size + child.size - old.size, shift, prefix, mask, slots };
}

/** Whether all ids of one node belong below the other, or among them. */
function isBelow<V>(one: PacketIdMap<V>, other: PacketIdMap<V>): boolean {
  return one.shift <= other.shift && firstBelow(one) >>> (other.shift + 4) === other.prefix;
}

function mergedLeaf<V>(old: Leaf<V>, leaf: Leaf<V>): Leaf<V> {
  const mask = old.mask | leaf.mask;
  const slots: V[] = [];
  for (let bits = mask, mine = 0, other = 0; bits !== 0; bits &= bits - 1) {
    const bit = bits & -bits;
    const value = (leaf.mask & bit) !== 0 ? leaf.slots[mine++]! : old.slots[other]!;
    if ((old.mask & bit) !== 0) other += 1;
    slots.push(value);
  }
  return { size: slots.length, shift: 0, prefix: old.prefix, mask, slots };
}

/** Without those of the 16 ids around `id` whose bits are set; they are there. Undefined: nothing is left. */
function removeBits<V>(
  node: PacketIdMap<V>,
  id: PacketId,
  bits: number,
): PacketIdMap<V> | undefined {
  const { size, shift, prefix, mask } = node;
  if (isLeaf(node)) {
    const left = mask & ~bits;
    if (left === 0) return undefined;
    const slots = (bits & (bits - 1)) === 0
      ? without(node.slots, indexOf(mask, bits))
      : kept(node, left);
    return { size: slots.length, shift: 0, prefix, mask: left, slots };
  }
  const bit = bitOf(node, id);
  const index = indexOf(mask, bit);
  const old = node.slots[index]!;
  const child = removeBits(old, id, bits);
  if (child !== undefined) {
    const slots = replaced(node.slots, index, child);
    return { size: size - old.size + child.size, shift, prefix, mask, slots };
  }
  if (node.slots.length === 2) return node.slots[1 - index];
  const slots = without(node.slots, index);
  return { size: size - old.size, shift, prefix, mask: mask & ~bit, slots };
}

/** The values of those ids of a leaf whose bits are set in `left`. */
function kept<V>({ mask, slots }: Leaf<V>, left: number): V[] {
  const values: V[] = [];
  for (let bits = mask, index = 0; bits !== 0; bits &= bits - 1, index++) {
    if ((left & bits & -bits) !== 0) values.push(slots[index]!);
  }
  return values;
}

function collect<V>(node: PacketIdMap<V>, found: [PacketId, V][]): void {
  if (!isLeaf(node)) {
    for (const child of node.slots) collect(child, found);
    return;
  }
  for (let low = 0, index = 0; index < node.slots.length; low++) {
    if ((node.mask & (1 << low)) === 0) continue;
    found.push([(node.prefix << 4) | low, node.slots[index]!]);
    index++;
  }
}

function replaced<T>(slots: readonly T[], index: number, value: T): T[] {
  const copy = slots.slice();
  copy[index] = value;
  return copy;
}

function inserted<T>(slots: readonly T[], index: number, value: T): T[] {
  const copy = new Array<T>(slots.length + 1);
  for (let at = 0; at < index; at++) copy[at] = slots[at]!;
  copy[index] = value;
  for (let at = index; at < slots.length; at++) copy[at + 1] = slots[at]!;
  return copy;
}

function without<T>(slots: readonly T[], index: number): T[] {
  const copy = new Array<T>(slots.length - 1);
  for (let at = 0; at < index; at++) copy[at] = slots[at]!;
  for (let at = index + 1; at < slots.length; at++) copy[at - 1] = slots[at]!;
  return copy;
}
