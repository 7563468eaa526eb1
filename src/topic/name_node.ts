/**
 * The nodes of `name_tree.ts` in packed memory, 28 bytes and a text each. The text is a level, or where nothing parts
 * any more the level and all that comes behind it: in UTF-8, as it is in packets. MQTT 5.0 section 4.7.
 */

import type { PackedMemory, Place } from "./packed_memory.ts";
import { offsetOf } from "./packed_memory.ts";
import { levelEndIn, read } from "./spelling.ts";

/** Where a node lies. */
export type NodePlace = Place;

/** Fields of 32 bits; the double that says when it was born takes two. */
const PARENT = 0;
const VALUE = 1;
const BORN = 2;
const CHILD = 4;
const FORM = 5;
const INDEX = 6;
const OUTER_TEXT = 7;
/** Bytes before a text that lies in its node. */
const HEADER = 28;
/** Longer texts have a piece of their own, since a node stays where it is when its text becomes a short one. */
const MOST_INSIDE = 36;

/** A bit of FORM, which has the bytes of the text above it. */
const OUTSIDE = 1;
const SIZE = 1;

const SLASH = 0x2f;

/** A node with the text `name[from..to)`, without value or child. */
export function newNode(
  memory: PackedMemory,
  parent: NodePlace,
  name: Uint8Array,
  from: number,
  to: number,
): NodePlace {
  const size = to - from;
  const node = memory.take(HEADER + (size > MOST_INSIDE ? 4 : size));
  const { words, doubles } = memory.pageOf(node);
  const at = offsetOf(node) >>> 2;
  words[at + PARENT] = parent;
  words[at + VALUE] = 0;
  doubles[at + BORN >>> 1] = 0;
  words[at + CHILD] = 0;
  writeText(memory, node, name, from, to);
  return node;
}

/** Gives back the memory of a node. */
export function giveNode(memory: PackedMemory, node: NodePlace): void {
  if ((field(memory, node, FORM) & OUTSIDE) !== 0) memory.give(field(memory, node, OUTER_TEXT));
  memory.give(node);
}

/** The branch that it hangs in. */
export function parentOf(memory: PackedMemory, node: NodePlace): NodePlace {
  return field(memory, node, PARENT);
}

/** What is kept for the name that ends here; 0: nothing. */
export function valueOf(memory: PackedMemory, node: NodePlace): number {
  return field(memory, node, VALUE);
}

/** The number that was set with the value. */
export function bornOf(memory: PackedMemory, node: NodePlace): number {
  return memory.pageOf(node).doubles[offsetOf(node) + BORN * 4 >>> 3]!;
}

/** Sets what is kept for the name that ends here, and a number that tells it from later ones. */
export function setValue(
  memory: PackedMemory,
  node: NodePlace,
  value: number,
  born: number,
): void {
  setField(memory, node, VALUE, value);
  memory.pageOf(node).doubles[offsetOf(node) + BORN * 4 >>> 3] = born;
}

/** Its only child; 0: it has none; below 0: the number of the list of its children. */
export function childOf(memory: PackedMemory, node: NodePlace): NodePlace {
  return field(memory, node, CHILD);
}

export function setChild(memory: PackedMemory, node: NodePlace, child: NodePlace): void {
  setField(memory, node, CHILD, child);
}

/** Where it stands in the list of children of its branch. */
export function indexOf(memory: PackedMemory, node: NodePlace): number {
  return field(memory, node, INDEX);
}

export function setIndex(memory: PackedMemory, node: NodePlace, index: number): void {
  setField(memory, node, INDEX, index);
}

/** Whether it hangs in that branch at the level `name[from..to)`. */
export function isAt(
  memory: PackedMemory,
  node: NodePlace,
  branch: NodePlace,
  name: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (field(memory, node, PARENT) !== branch) return false;
  const size = sizeOf(memory, node);
  const level = to - from;
  if (size < level || !beginsWith(memory, node, name, from, to)) return false;
  return size === level || byteAt(memory, node, level) === SLASH;
}

/** Whether its text is `name[from..to)`. */
export function hasText(
  memory: PackedMemory,
  node: NodePlace,
  name: Uint8Array,
  from: number,
  to: number,
): boolean {
  return sizeOf(memory, node) === to - from && beginsWith(memory, node, name, from, to);
}

/** Its text. */
export function textOf(memory: PackedMemory, node: NodePlace): string {
  const at = textOffset(memory, node);
  return read(textBytes(memory, node), at, at + sizeOf(memory, node));
}

/** A copy of the level at which it hangs in its branch: of its text up to the first `/`. */
export function levelBytes(memory: PackedMemory, node: NodePlace): Uint8Array {
  const at = textOffset(memory, node);
  const bytes = textBytes(memory, node);
  return bytes.slice(at, levelEndIn(bytes, at, at + sizeOf(memory, node)));
}

/** How many bytes its text has. */
export function sizeOf(memory: PackedMemory, node: NodePlace): number {
  return field(memory, node, FORM) >>> SIZE;
}

/** One of them. */
export function byteAt(memory: PackedMemory, node: NodePlace, index: number): number {
  return textBytes(memory, node)[textOffset(memory, node) + index]!;
}

/** What its text lies in, as it is now, and where it begins there. */
export function textBytes(memory: PackedMemory, node: NodePlace): Uint8Array {
  return memory.pageOf(textPlace(memory, node)).bytes;
}
export function textOffset(memory: PackedMemory, node: NodePlace): number {
  const place = textPlace(memory, node);
  return offsetOf(place) + (place === node ? HEADER : 0);
}

/** Leaves it so many of the first bytes of its text. */
export function shorten(memory: PackedMemory, node: NodePlace, size: number): void {
  const outer = textPlace(memory, node);
  const at = textOffset(memory, node);
  writeText(memory, node, textBytes(memory, node), at, at + size);
  if (outer !== node) memory.give(outer);
}

/** Whether its text, which is not shorter, begins with `name[from..to)`. */
function beginsWith(
  memory: PackedMemory,
  node: NodePlace,
  name: Uint8Array,
  from: number,
  to: number,
): boolean {
  const bytes = textBytes(memory, node);
  for (let at = textOffset(memory, node); from < to; at++, from++) {
    if (bytes[at] !== name[from]) return false;
  }
  return true;
}

/** Writes `name[from..to)` into the node where there is room, else elsewhere. */
function writeText(
  memory: PackedMemory,
  node: NodePlace,
  name: Uint8Array,
  from: number,
  to: number,
): void {
  const size = to - from;
  const outside = size > memory.sizeOf(node) - HEADER;
  setField(memory, node, FORM, size << SIZE | (outside ? OUTSIDE : 0));
  if (outside) setField(memory, node, OUTER_TEXT, memory.take(size));
  const bytes = textBytes(memory, node);
  for (let at = textOffset(memory, node); from < to; at++, from++) bytes[at] = name[from]!;
}

/** The piece that its text lies in: its own, or another. */
function textPlace(memory: PackedMemory, node: NodePlace): Place {
  return (field(memory, node, FORM) & OUTSIDE) === 0 ? node : field(memory, node, OUTER_TEXT);
}

function field(memory: PackedMemory, node: NodePlace, number: number): number {
  return memory.pageOf(node).words[(offsetOf(node) >>> 2) + number]!;
}

function setField(memory: PackedMemory, node: NodePlace, number: number, value: number): void {
  memory.pageOf(node).words[(offsetOf(node) >>> 2) + number] = value;
}
