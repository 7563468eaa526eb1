/**
 * Properties written into a frame by the table in `property.ts`. MQTT 5.0 section 2.2.2.
 * Values are taken as they are: ranges are checked where properties are read.
 */

import { variableByteIntegerSize, writeVariableByteInteger } from "./fixed_header.ts";
import type { UserProperty } from "./packet.ts";
import type { Properties, PropertyOwner, PropertyRule } from "./property.ts";
import { PROPERTY_TABLE } from "./property.ts";
import { stringSize, writeString } from "./utf8.ts";

const BY_NAME: ReadonlyMap<string, PropertyRule> = new Map(
  PROPERTY_TABLE.map((row) => [row.name, row]),
);

/**
 * How many bytes the properties take, without the Property Length. Throws a RangeError for a string or
 * Binary Data above 65,535 bytes. Properties that do not belong to the packet are not counted nor written.
 */
export function propertiesSize(properties: Properties | undefined, owner: PropertyOwner): number {
  if (properties === undefined) return 0;
  let size = 0;
  // By the few keys that are there and not by all rows: a look-up that finds nothing is a slow one.
  for (const name in properties) {
    const row = BY_NAME.get(name);
    if (row === undefined || !row.owners.includes(owner)) continue;
    const value = properties[row.name];
    if (value !== undefined) size += rowSize(row, value);
  }
  return size;
}

function rowSize(row: PropertyRule, value: NonNullable<Properties[keyof Properties]>): number {
  switch (row.dataType) {
    case "byte":
      return 2;
    case "twoByteInteger":
      return 3;
    case "fourByteInteger":
      return 5;
    case "string":
    case "topicName":
      return 3 + stringSize(value as string, row.name);
    case "binary":
      return 3 + binarySize(value as Uint8Array, row.name);
    case "variableByteInteger": {
      let size = 0;
      for (const number of value as readonly number[]) size += 1 + variableByteIntegerSize(number);
      return size;
    }
    case "stringPair": {
      let size = 0;
      for (const pair of value as readonly UserProperty[]) {
        size += 5 + stringSize(pair[0], row.name) + stringSize(pair[1], row.name);
      }
      return size;
    }
  }
}

/** The size of Binary Data that have to fit a packet. Throws a RangeError above 65,535 bytes. */
export function binarySize(data: Uint8Array, what: string): number {
  if (data.length <= 0xffff) return data.length;
  throw new RangeError(`${what} has ${data.length} bytes, a packet carries at most 65535`);
}

/**
 * Writes the Property Length and the properties, in the order of their keys, and returns the offset behind
 * them. `size` is their `propertiesSize`.
 */
export function writeProperties(
  bytes: Uint8Array,
  at: number,
  properties: Properties | undefined,
  owner: PropertyOwner,
  size: number,
): number {
  let next = writeVariableByteInteger(bytes, at, size);
  if (properties === undefined || size === 0) return next;
  for (const name in properties) {
    const row = BY_NAME.get(name);
    if (row === undefined || !row.owners.includes(owner)) continue;
    const value = properties[row.name];
    if (value !== undefined) next = writeRow(bytes, next, row, value);
  }
  return next;
}

function writeRow(
  bytes: Uint8Array,
  at: number,
  row: PropertyRule,
  value: NonNullable<Properties[keyof Properties]>,
): number {
  let next = at;
  switch (row.dataType) {
    case "byte":
      return writeInteger(bytes, writeId(bytes, next, row), value as number, 1);
    case "twoByteInteger":
      return writeInteger(bytes, writeId(bytes, next, row), value as number, 2);
    case "fourByteInteger":
      return writeInteger(bytes, writeId(bytes, next, row), value as number, 4);
    case "string":
    case "topicName":
      return writeText(bytes, writeId(bytes, next, row), value as string);
    case "binary": {
      const data = value as Uint8Array;
      next = writeInteger(bytes, writeId(bytes, next, row), data.length, 2);
      bytes.set(data, next);
      return next + data.length;
    }
    case "variableByteInteger":
      for (const number of value as readonly number[]) {
        next = writeVariableByteInteger(bytes, writeId(bytes, next, row), number);
      }
      return next;
    case "stringPair":
      for (const pair of value as readonly UserProperty[]) {
        next = writeText(bytes, writeText(bytes, writeId(bytes, next, row), pair[0]), pair[1]);
      }
      return next;
  }
}

function writeId(bytes: Uint8Array, at: number, row: PropertyRule): number {
  bytes[at] = row.id;
  return at + 1;
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  return writeString(bytes, at, text, stringSize(text, "a string"));
}

function writeInteger(bytes: Uint8Array, at: number, value: number, size: number): number {
  for (let index = 0; index < size; index++) {
    bytes[at + index] = value >>> (8 * (size - 1 - index));
  }
  return at + size;
}

/** Property Length and properties as bytes of their own. */
export function encodeProperties(
  properties: Properties | undefined,
  owner: PropertyOwner,
): Uint8Array {
  const size = propertiesSize(properties, owner);
  const bytes = new Uint8Array(variableByteIntegerSize(size) + size);
  writeProperties(bytes, 0, properties, owner, size);
  return bytes;
}
