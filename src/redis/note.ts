/**
 * Entries of the log and of inboxes ⇄ what they tell. Each entry begins with its format's number, and then
 * has records: a kind in one byte, a length in four, and fields as `frames.ts` writes them. Kinds that a newer
 * version made are passed over and counted, so that versions run side by side while one takes the other's
 * place; a change of what a kind holds takes a new kind.
 */

import type { ClientId, NodeId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import type { Delivery, Message } from "../session/message.ts";
import {
  decodeMessage,
  decodeSession,
  decodeSetting,
  decodeSubscription,
  decodeWill,
} from "../store/record.ts";
import { troubleOf } from "../store/store_error.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { FrameReader } from "./frames.ts";
import { decodeBody, deliveryOf } from "./values.ts";

/** The first byte of every entry. */
const FORMAT = 1;

/** Set in the kind of a record that goes into the log. */
export const REPLICATED = 128;

/** The kinds of records in a batch, and so in the log. lua_commit.ts has them by the same numbers. */
export const Kind = {
  putSession: 1,
  deleteSession: 2,
  putSubscription: 3,
  deleteSubscription: 4,
  putReceived: 5,
  deleteReceived: 6,
  putInflight: 7,
  deleteInflight: 8,
  putQueued: 9,
  deleteQueued: 10,
  putRetained: 11,
  deleteRetained: 12,
  putWill: 13,
  deleteWill: 14,
  putDelayed: 15,
  deleteDelayed: 16,
  putSetting: 17,
  deleteSetting: 18,
  post: 19,
  forward: 20,
  share: 21,
  taken: 22,
  announce: 23,
  release: 24,
  buried: 25,
  /** No write: who is there from that place in the log on. */
  nodes: 26,
} as const satisfies Record<AnyWrite["type"] | "nodes", number>;

/** The kinds of records in an inbox; lua_shared.ts has them by the same numbers. */
const Item = {
  body: 0,
  mail: 1,
  forward: 2,
  wanted: 3,
  instruction: 4,
  share: 5,
  mark: 6,
} as const;

/** What an inbox tells. */
export type InboxItem =
  | { readonly type: "mail"; readonly clientId: ClientId; readonly delivery: Delivery }
  | { readonly type: "forwarded"; readonly message: Message }
  | { readonly type: "wanted"; readonly clientId: ClientId }
  | { readonly type: "instruction"; readonly text: string }
  | { readonly type: "shared"; readonly group: TopicFilter; readonly message: Message }
  /** What a call of that name has read is to be told here: all before it was there already, the rest not. */
  | { readonly type: "mark"; readonly name: string };

/** What the log tells. */
export type LogItem = AnyWrite | { readonly type: "nodes"; readonly nodes: readonly NodeId[] };

/** What was read, and how many records were passed over. */
export interface Read<T> {
  readonly items: readonly T[];
  readonly skipped: number;
}

/** What an entry of the log tells, in order. */
export function readLogEntry(bytes: Uint8Array): Read<LogItem> {
  return readRecords(bytes, "an entry of the log", logWrite);
}

/** The items of an entry of an inbox, or of the shares, in order. */
export function readInboxEntry(bytes: Uint8Array): Read<InboxItem> {
  const bodies: (Uint8Array | Message)[] = [];
  const messageAt = (number: number): Message => {
    const body = bodies[number];
    if (body === undefined) throw new Error(`message ${number} is not there`);
    if (!(body instanceof Uint8Array)) return body;
    return bodies[number] = decodeBody(body);
  };
  return readRecords(bytes, "an entry of an inbox", (kind, from): InboxItem | null | undefined => {
    switch (kind) {
      case Item.body:
        bodies.push(from.rest());
        return null;
      case Item.mail: {
        const number = from.number();
        const clientId = from.text();
        return { type: "mail", clientId, delivery: deliveryOf(from.rest(), messageAt(number)) };
      }
      case Item.forward:
        return { type: "forwarded", message: messageAt(from.number()) };
      case Item.wanted:
        return { type: "wanted", clientId: from.restText() };
      case Item.instruction:
        return { type: "instruction", text: from.restText() };
      case Item.share: {
        const number = from.number();
        return { type: "shared", group: from.restText(), message: messageAt(number) };
      }
      case Item.mark:
        return { type: "mark", name: from.restText() };
      default:
        return undefined;
    }
  });
}

/** Ids of nodes one behind the other, as the library lists them. */
export function readNodes(bytes: Uint8Array): readonly NodeId[] {
  const nodes: NodeId[] = [];
  const from = new FrameReader(bytes, "a list of nodes");
  while (from.left > 0) nodes.push(from.text());
  return nodes;
}

/** @param read what a record tells; null: nothing by itself; undefined: it is of no known kind */
function readRecords<T>(
  bytes: Uint8Array,
  where: string,
  read: (kind: number, from: FrameReader) => T | null | undefined,
): Read<T> {
  const items: T[] = [];
  let skipped = 0;
  try {
    const from = new FrameReader(bytes, where);
    if (from.byte() !== FORMAT) return { items, skipped: 1 };
    while (from.left > 0) {
      const kind = from.byte();
      const payload = from.bytes();
      const item = readOne(kind, new FrameReader(payload, where), read);
      if (item === undefined) skipped += 1;
      else if (item !== null) items.push(item);
    }
  } catch (error) {
    if (troubleOf(error) !== "damaged") throw error;
    skipped += 1;
  }
  return { items, skipped };
}

/** One record; undefined also where it is damaged, or in a format that is not known. */
function readOne<T>(
  kind: number,
  from: FrameReader,
  read: (kind: number, from: FrameReader) => T | null | undefined,
): T | null | undefined {
  try {
    return read(kind, from);
  } catch {
    return undefined;
  }
}

function logWrite(kind: number, from: FrameReader): LogItem | undefined {
  switch (kind & ~REPLICATED) {
    case Kind.putSession:
      from.bytes();
      return { type: "putSession", ...decodeSession(from.bytes()) };
    case Kind.deleteSession:
      return { type: "deleteSession", clientId: from.text() };
    case Kind.putSubscription: {
      const clientId = from.text();
      from.bytes();
      return { type: "putSubscription", clientId, subscription: decodeSubscription(from.bytes()) };
    }
    case Kind.deleteSubscription:
      return { type: "deleteSubscription", clientId: from.text(), filter: from.text() };
    case Kind.putRetained:
      from.bytes();
      return { type: "putRetained", message: decodeMessage(from.bytes()) };
    case Kind.deleteRetained:
      return {
        type: "deleteRetained",
        topic: from.text(),
        ...(from.left === 0 ? {} : { order: Number(from.text()) }),
      };
    case Kind.putWill:
      from.bytes();
      return { type: "putWill", will: decodeWill(from.bytes()) };
    case Kind.deleteWill:
      return { type: "deleteWill", clientId: from.text() };
    case Kind.putSetting:
      from.bytes();
      return { type: "putSetting", ...decodeSetting(from.bytes()) };
    case Kind.deleteSetting:
      return { type: "deleteSetting", name: from.text() };
    case Kind.announce:
      return { type: "announce", full: from.text(), interest: Number(from.text()) };
    case Kind.release:
      return { type: "release", clientId: from.text() };
    case Kind.nodes:
      return { type: "nodes", nodes: readNodes(from.rest()) };
    default:
      return undefined;
  }
}
