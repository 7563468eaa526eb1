/**
 * The nodes of `name_tree.ts` in packed memory, 24 bytes and a text each. The text is a level, or where nothing parts
 * any more the level and all that comes behind it. MQTT 5.0 section 4.7.
 *
 * Its units take a byte each where that is enough for all of them, else two.
 */

import type { PackedMemory, Place } from "./packed_memory.ts";
import { offsetOf } from "./packed_memory.ts";
import { levelEnd } from "./rest_matches.ts";

/** Where a node lies. */
export type NodePlace = Place;

/** Fields of 32 bits; the double that says when it was born takes two. */
const PARENT = 0;
const VALUE = 1;
const BORN = 2;
const CHILD = 4;
const FORM = 5;
const OUTER_TEXT = 6;
/** Bytes before a text that lies in its node. */
const HEADER = 24;
/** Longer texts have a piece of their own, since a node stays where it is when its text becomes a short one. */
const MOST_INSIDE = 40;

/** Bits of FORM, which has the units of the text above them. */
const WIDE = 1;
const OUTSIDE = 2;
const UNITS = 2;

/** Instead of the only child: there are several. */
export const SEVERAL = -1;

const SLASH = 0x2f;

/** A node with the text `name[from..]`, without value or child. */
export function newNode(
  memory: PackedMemory,
  parent: NodePlace,
  name: string,
  from: number,
): NodePlace {
  const bytes = (name.length - from) * (isWide(name, from) ? 2 : 1);
  const node = memory.take(HEADER + (bytes > MOST_INSIDE ? 4 : bytes));
  setField(memory, node, PARENT, parent);
  setField(memory, node, CHILD, 0);
  setValue(memory, node, 0, 0);
  writeText(memory, node, name, from);
  return node;
}

/** Gives back the memory of a node. */
export function giveNode(memory: PackedMemory, node: NodePlace): void {
  giveText(memory, node);
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

/** Its only child; 0: it has none, or SEVERAL. */
export function childOf(memory: PackedMemory, node: NodePlace): NodePlace {
  return field(memory, node, CHILD);
}

export function setChild(memory: PackedMemory, node: NodePlace, child: NodePlace): void {
  setField(memory, node, CHILD, child);
}

/** Whether it hangs in that branch at the level `name[from..to)`. */
export function isAt(
  memory: PackedMemory,
  node: NodePlace,
  branch: NodePlace,
  name: string,
  from: number,
  to: number,
): boolean {
  if (field(memory, node, PARENT) !== branch) return false;
  const units = unitsOf(memory, node);
  const level = to - from;
  if (units < level || !beginsWith(memory, node, name, from, to)) return false;
  return units === level || unitAt(memory, node, level) === SLASH;
}

/** Whether its text is `name[from..]`. */
export function hasText(
  memory: PackedMemory,
  node: NodePlace,
  name: string,
  from: number,
): boolean {
  return unitsOf(memory, node) === name.length - from &&
    beginsWith(memory, node, name, from, name.length);
}

/** Its text. */
export function textOf(memory: PackedMemory, node: NodePlace): string {
  const units = unitsOf(memory, node);
  let text = "";
  for (let index = 0; index < units; index++) {
    text += String.fromCharCode(unitAt(memory, node, index));
  }
  return text;
}

/** The level at which it hangs in its branch: its text up to the first `/`. */
export function levelOf(memory: PackedMemory, node: NodePlace): string {
  const text = textOf(memory, node);
  return text.slice(0, levelEnd(text, 0));
}

/** How many units its text has. */
export function unitsOf(memory: PackedMemory, node: NodePlace): number {
  return field(memory, node, FORM) >>> UNITS;
}

/** One of them. */
export function unitAt(memory: PackedMemory, node: NodePlace, index: number): number {
  const form = field(memory, node, FORM);
  const { bytes } = memory.pageOf(textPlace(memory, node, form));
  const at = textOffset(memory, node, form);
  if ((form & WIDE) === 0) return bytes[at + index]!;
  return bytes[at + index * 2]! | bytes[at + index * 2 + 1]! << 8;
}

/** Puts a shorter text in the place of its own. */
export function shorten(memory: PackedMemory, node: NodePlace, text: string): void {
  giveText(memory, node);
  writeText(memory, node, text, 0);
}

/** Whether its text, which is not shorter, begins with `name[from..to)`. */
function beginsWith(
  memory: PackedMemory,
  node: NodePlace,
  name: string,
  from: number,
  to: number,
): boolean {
  const form = field(memory, node, FORM);
  const { bytes } = memory.pageOf(textPlace(memory, node, form));
  let at = textOffset(memory, node, form);
  if ((form & WIDE) === 0) {
    for (; from < to; at++, from++) if (bytes[at] !== name.charCodeAt(from)) return false;
    return true;
  }
  for (; from < to; at += 2, from++) {
    if ((bytes[at]! | bytes[at + 1]! << 8) !== name.charCodeAt(from)) return false;
  }
  return true;
}

/** Writes `name[from..]` into the node where there is room, else elsewhere. */
function writeText(memory: PackedMemory, node: NodePlace, name: string, from: number): void {
  const wide = isWide(name, from);
  const units = name.length - from;
  const size = wide ? units * 2 : units;
  const outside = size > memory.sizeOf(node) - HEADER;
  const form = units << UNITS | (outside ? OUTSIDE : 0) | (wide ? WIDE : 0);
  setField(memory, node, FORM, form);
  if (outside) setField(memory, node, OUTER_TEXT, memory.take(size));
  const { bytes } = memory.pageOf(textPlace(memory, node, form));
  for (let at = textOffset(memory, node, form); from < name.length; from++) {
    const unit = name.charCodeAt(from);
    bytes[at++] = unit;
    if (wide) bytes[at++] = unit >>> 8;
  }
}

function giveText(memory: PackedMemory, node: NodePlace): void {
  if ((field(memory, node, FORM) & OUTSIDE) === 0) return;
  memory.give(field(memory, node, OUTER_TEXT));
}

/** The piece that its text lies in. */
function textPlace(memory: PackedMemory, node: NodePlace, form: number): Place {
  return (form & OUTSIDE) === 0 ? node : field(memory, node, OUTER_TEXT);
}

/** Where in the page of that piece. */
function textOffset(memory: PackedMemory, node: NodePlace, form: number): number {
  return (form & OUTSIDE) === 0
    ? offsetOf(node) + HEADER
    : offsetOf(field(memory, node, OUTER_TEXT));
}

function field(memory: PackedMemory, node: NodePlace, number: number): number {
  return memory.pageOf(node).words[(offsetOf(node) >>> 2) + number]!;
}

function setField(memory: PackedMemory, node: NodePlace, number: number, value: number): void {
  memory.pageOf(node).words[(offsetOf(node) >>> 2) + number] = value;
}

function isWide(name: string, from: number): boolean {
  for (; from < name.length; from++) if (name.charCodeAt(from) > 0xff) return true;
  return false;
}
