/**
 * Properties read from a frame by the table in `property.ts`. MQTT 5.0 section 2.2.2.
 * Must not let through what the table does not allow.
 */

import type { UserProperty } from "./packet.ts";
import type { Properties, PropertyOwner, PropertyRule } from "./property.ts";
import { PROPERTY_TABLE } from "./property.ts";
import type { Reader } from "./reader.ts";
import {
  readBinary,
  readByte,
  readFourByteInteger,
  readString,
  readTwoByteInteger,
  readVariableByteInteger,
  remaining,
} from "./reader.ts";
import { malformed, protocolError } from "./refuse.ts";

const BY_ID: readonly (PropertyRule | undefined)[] = Array.from(
  { length: 0x2b },
  (_, id) => PROPERTY_TABLE.find((row) => row.id === id),
);

type Value = number | string | Uint8Array | UserProperty;

/**
 * Reads a Property Length and the properties behind it; undefined where there are none. Throws
 * MalformedPacket 0x81 for a property that is unknown or not of this packet, 0x82 for one that is repeated
 * or out of range.
 */
export function readProperties(reader: Reader, owner: PropertyOwner): Properties | undefined {
  const length = readVariableByteInteger(reader, "Property Length");
  if (length === 0) return undefined;
  if (length > remaining(reader)) {
    malformed(`Property Length ${length} exceeds the ${remaining(reader)} bytes left`);
  }
  const behind = reader.end;
  reader.end = reader.at + length;
  const found: Record<string, Value | Value[]> = {};
  while (reader.at < reader.end) {
    const id = readVariableByteInteger(reader, "Property Identifier");
    const row = BY_ID[id];
    if (row === undefined) malformed(`Property Identifier ${id} is unknown (section 2.2.2.2)`);
    if (!row.owners.includes(owner)) malformed(`${row.name} must not stand in ${owner}`);
    const before = found[row.name];
    if (before !== undefined && !row.repeatsIn.includes(owner)) {
      protocolError(`${row.name} stands more than once in ${owner}`);
    }
    const value = readValue(reader, row);
    if (row.name !== "userProperties" && row.name !== "subscriptionIdentifiers") {
      found[row.name] = value;
    } else if (before === undefined) {
      found[row.name] = [value];
    } else {
      (before as Value[]).push(value);
    }
  }
  reader.end = behind;
  return found as Properties;
}

function readValue(reader: Reader, row: PropertyRule): Value {
  switch (row.dataType) {
    case "byte":
      return inRange(readByte(reader, row.name), row);
    case "twoByteInteger":
      return inRange(readTwoByteInteger(reader, row.name), row);
    case "fourByteInteger":
      return inRange(readFourByteInteger(reader, row.name), row);
    case "variableByteInteger":
      return inRange(readVariableByteInteger(reader, row.name), row);
    case "string":
      return readString(reader, row.name);
    case "topicName": {
      const topic = readString(reader, row.name);
      if (topic.includes("+") || topic.includes("#")) {
        protocolError(`${row.name} contains a wildcard character [MQTT-3.3.2-14]`);
      }
      return topic;
    }
    case "binary":
      return readBinary(reader, row.name);
    case "stringPair":
      return [readString(reader, "User Property name"), readString(reader, "User Property value")];
  }
}

function inRange(value: number, row: PropertyRule): number {
  if (value < row.least || value > row.most) {
    protocolError(`${row.name} is ${value}, allowed is ${row.least} to ${row.most}`);
  }
  return value;
}
