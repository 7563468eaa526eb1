/**
 * Section 2.2.2.2, table 2-4, as a client meets it: the properties of the packets that it sends, each with a
 * value that is good and those that are out of range. Written down again here and not read from src/, so
 * that an error there shows.
 */

import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Case, Subject } from "./cases.ts";
import { connect, withWill } from "./packets.ts";

/** A packet of a client with properties. */
export interface Owner {
  readonly name: string;
  /** The packet with these properties, their length included. */
  readonly bytes: (properties: string) => Uint8Array;
  /** The first packet of its connection. */
  readonly first: boolean;
}

export const OWNERS: readonly Owner[] = [
  { name: "CONNECT", first: true, bytes: (properties) => connect(5, { properties }) },
  { name: "Will", first: true, bytes: (properties) => withWill(5, { properties }) },
  ...([
    ["PUBLISH", (properties) => frame(0x30, s("t"), properties)],
    ["PUBACK", (properties) => frame(0x40, "0001 00", properties)],
    ["PUBREC", (properties) => frame(0x50, "0001 00", properties)],
    ["PUBREL", (properties) => frame(0x62, "0001 00", properties)],
    ["PUBCOMP", (properties) => frame(0x70, "0001 00", properties)],
    ["SUBSCRIBE", (properties) => frame(0x82, "0001", properties, s("f"), "00")],
    ["UNSUBSCRIBE", (properties) => frame(0xa2, "0001", properties, s("f"))],
    ["DISCONNECT", (properties) => frame(0xe0, "00", properties)],
    ["AUTH", (properties) => frame(0xf0, "18", properties)],
  ] as const satisfies readonly (readonly [string, Owner["bytes"]])[]).map((
    [name, bytes],
  ): Owner => ({ name, bytes, first: false })),
];

export interface PropertyRow {
  /** In hexadecimal. */
  readonly id: string;
  readonly name: string;
  readonly type: "number" | "string" | "binary" | "pair";
  /** A value that is good where it may stand. */
  readonly good: string;
  /** Values that are good nowhere. */
  readonly bad: readonly string[];
  readonly owners: readonly string[];
}

const MESSAGE = ["PUBLISH", "Will"];
const WITH_REASON = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "DISCONNECT", "AUTH"];
const ALL = OWNERS.map(({ name }) => name);
const TEN = "0000000a";
const FLAGS = ["02", "7f", "ff"];
const ID = ["00", "8000", "ffffffff01"];

/** All 27 properties; what only a server sends has no owner here. */
export const PROPERTIES: readonly PropertyRow[] = ([
  ["01", "Payload Format Indicator", "number", "01", FLAGS, MESSAGE],
  ["02", "Message Expiry Interval", "number", TEN, [], MESSAGE],
  ["03", "Content Type", "string", s("text/plain"), [], MESSAGE],
  ["08", "Response Topic", "string", s("answers"), [s("a/+"), s("#"), s("a#b")], MESSAGE],
  ["09", "Correlation Data", "binary", "0001 ff", [], MESSAGE],
  ["0b", "Subscription Identifier", "number", "07", ID, ["SUBSCRIBE"]],
  ["11", "Session Expiry Interval", "number", TEN, [], ["CONNECT", "DISCONNECT"]],
  ["12", "Assigned Client Identifier", "string", s("assigned"), [], []],
  ["13", "Server Keep Alive", "number", "000a", [], []],
  ["15", "Authentication Method", "string", s("M"), [], ["CONNECT", "AUTH"]],
  ["16", "Authentication Data", "binary", "0001 61", [], ["CONNECT", "AUTH"]],
  ["17", "Request Problem Information", "number", "01", FLAGS, ["CONNECT"]],
  ["18", "Will Delay Interval", "number", TEN, [], ["Will"]],
  ["19", "Request Response Information", "number", "01", FLAGS, ["CONNECT"]],
  ["1a", "Response Information", "string", s("info"), [], []],
  ["1c", "Server Reference", "string", s("other"), [], ["DISCONNECT"]],
  ["1f", "Reason String", "string", s("why"), [], WITH_REASON],
  ["21", "Receive Maximum", "number", "000a", ["0000"], ["CONNECT"]],
  ["22", "Topic Alias Maximum", "number", "000a", [], ["CONNECT"]],
  ["23", "Topic Alias", "number", "0001", ["0000"], ["PUBLISH"]],
  ["24", "Maximum QoS", "number", "01", [], []],
  ["25", "Retain Available", "number", "01", [], []],
  ["26", "User Property", "pair", s("name") + s("value"), [], ALL],
  ["27", "Maximum Packet Size", "number", "00010000", ["00000000"], ["CONNECT"]],
  ["28", "Wildcard Subscription Available", "number", "01", [], []],
  ["29", "Subscription Identifiers Available", "number", "01", [], []],
  ["2a", "Shared Subscription Available", "number", "01", [], []],
] as const).map(([id, name, type, good, bad, owners]) => ({ id, name, type, good, bad, owners }));

/** The packet with that property; what it cannot be without stands before. */
export function withProperty({ name, bytes }: Owner, property: string): Uint8Array {
  const isMethod = property.startsWith("15");
  // Authentication Data want a method; of AUTH the method is checked after the form.
  const before = name === "CONNECT" && property.startsWith("16") && !isMethod ? "15" + s("M") : "";
  return bytes(p(before, property));
}

function mayHave(row: PropertyRow, owner: Owner): boolean {
  return row.owners.includes(owner.name);
}

/** Identifiers of one byte and more that stand in no table. */
const UNKNOWN = [
  "00",
  "04",
  "0a",
  "10",
  "14",
  "1b",
  "1d",
  "1e",
  "20",
  "2b",
  "7f",
  "8001",
  "ffff7f",
];

/** Owners with a row each. */
function each(cases: (owner: Owner, row: PropertyRow) => readonly Case[]): () => readonly Case[] {
  return () => OWNERS.flatMap((owner) => PROPERTIES.flatMap((row) => cases(owner, row)));
}

export const unknownProperties: Subject = {
  what: "an unknown property in every packet",
  cases: () =>
    OWNERS.flatMap((owner) =>
      UNKNOWN.map((id): Case => ({
        what: `property ${id} in ${owner.name}`,
        bytes: owner.bytes(p(id, "00000000")),
        answer: 0x81,
        first: owner.first,
      }))
    ),
};

export const misplacedProperties: Subject = {
  what: "every property in every packet in which it must not stand",
  cases: each((owner, row) => {
    if (mayHave(row, owner)) return [];
    // A client's Subscription Identifier in PUBLISH is a Protocol Error, section 3.3.4.
    const answer = row.id === "0b" && owner.name === "PUBLISH" ? 0x82 : 0x81;
    return [{
      what: `${row.name} in ${owner.name}`,
      bytes: owner.bytes(p(row.id, row.good)),
      answer,
      first: owner.first,
    }];
  }),
};

export const repeatedProperties: Subject = {
  what: "every property twice in every packet, but for User Properties",
  cases: each((owner, row) => {
    if (!mayHave(row, owner) || row.type === "pair") return [];
    const twice = row.id + row.good + row.id + row.good;
    const { name: what, first } = owner;
    return [{
      what: `${row.name} twice in ${what}`,
      bytes: withProperty(owner, twice),
      answer: 0x82,
      first,
    }];
  }),
};

const outOfRange: Subject = {
  what: "every property out of range in every packet",
  cases: each((owner, row) =>
    !mayHave(row, owner) ? [] : row.bad.map((value): Case => ({
      what: `${row.name} ${value} in ${owner.name}`,
      bytes: withProperty(owner, row.id + value),
      // A Variable Byte Integer in too many bytes is malformed before it is out of range.
      answer: row.id === "0b" && value !== "00" ? 0x81 : 0x82,
      first: owner.first,
    }))
  ),
};

const cutOff: Subject = {
  what: "every property that is cut off in every packet",
  cases: each((owner, row) => {
    if (!mayHave(row, owner)) return [];
    const { first, name } = owner;
    const whole = row.id + row.good.replaceAll(" ", "");
    const cut = whole.slice(0, -2);
    return [{
      what: `${row.name} in ${name}`,
      bytes: withProperty(owner, cut),
      answer: 0x81,
      first,
    }];
  }),
};

export const propertySubjects: readonly Subject[] = [
  unknownProperties,
  misplacedProperties,
  repeatedProperties,
  outOfRange,
  cutOff,
];
