/**
 * What the checks of a store share: the shape of a problem, what is known so far, and how a record is
 * read for a check. See `check_store.ts`.
 */

import type { Message, Order } from "../session/message.ts";
import { topicNameProblem } from "../topic/topic_name.ts";
import type { Rests } from "./chunk.ts";
import { PART, whole } from "./chunk.ts";
import type { Change, Key, Kv } from "./kv.ts";
import * as keys from "./kv_key.ts";

/** How many there are of what a broker keeps. */
export interface RecordCounts {
  sessions: number;
  subscriptions: number;
  received: number;
  inflight: number;
  queued: number;
  retained: number;
  wills: number;
  delayed: number;
  settings: number;
}

/** What a problem costs; `nothing` where only room or order is at stake. */
export type LostKind = keyof RecordCounts | "segments" | "nothing";

export interface Problem {
  readonly key: Key;
  readonly found: string;
  readonly lost: LostKind;
  /** What makes the store whole without it. */
  readonly repair: readonly Change[];
}

/** Takes a problem; the next record is read when that is done. */
export type Found = (problem: Problem) => void | Promise<void>;

/** What is known of a session while its parts are looked at. */
export interface CheckedSession {
  readonly clientId: string;
  readonly received: Map<number, number>;
  readonly inflight: Map<number, number>;
  readonly queue: Map<Order, number>;
}

/** What the checks of one run share. */
export interface Checking {
  readonly kv: Kv;
  readonly found: Found;
  readonly rests: Rests;
  /** The keys of long values whose rest was not found to be of use yet. */
  readonly unclaimed: Map<string, Key>;
  /** By number. */
  readonly sessions: Map<number, CheckedSession>;
  /** The large messages that can be read; true once an entry refers to one. */
  readonly blobs: Map<Order, boolean>;
  readonly counts: RecordCounts;
  /** Values whose rest cannot be found, by `keyId`. */
  readonly cut: Set<string>;
  /** Notes of long values may be missing: a value that is as long as a first part is one. */
  readonly doubtful: boolean;
  highest: Order;
  /** The greatest number that is in use. */
  last: number;
}

/** None of anything. */
export function noCounts(): RecordCounts {
  return {
    sessions: 0,
    subscriptions: 0,
    received: 0,
    inflight: 0,
    queued: 0,
    retained: 0,
    wills: 0,
    delayed: 0,
    settings: 0,
  };
}

/** The whole of a value, decoded; or what is wrong with it. */
export async function readWhole<T>(
  checking: Checking,
  key: Key,
  first: Uint8Array,
  decode: (bytes: Uint8Array) => T,
): Promise<T | string> {
  const { kv, rests, unclaimed, cut, doubtful } = checking;
  const id = keys.keyId(key);
  unclaimed.delete(id);
  if (cut.has(id) || (doubtful && first.length === PART && !rests.has(id))) {
    return "the rest of it cannot be found";
  }
  try {
    return decode(await whole(kv, rests, key, first));
  } catch (error) {
    return reasonOf(error);
  }
}

/** The record goes, with the rest of it. */
export async function lose(
  checking: Checking,
  key: Key,
  found: string,
  lost: LostKind,
): Promise<void> {
  const id = keys.keyId(key);
  const repair = [deletion(key)];
  // Its parts are orphans then.
  if (checking.rests.delete(id)) repair.push(deletion(keys.restKey(key)));
  await checking.found({ key, found, lost, repair });
}

/** A record that nothing refers to. */
export async function orphan(checking: Checking, key: Key, found: string): Promise<void> {
  await lose(checking, key, found, "nothing");
}

/** A message with a topic that a client can have published to; throws at another. */
export function plausible(message: Message): Message {
  const problem = topicNameProblem(message.topic, Infinity);
  if (problem !== undefined) throw new Error(problem);
  return message;
}

/** The highest order is known so far. */
export function seen(checking: Checking, order: Order): void {
  if (order > checking.highest) checking.highest = order;
}

/** The number in a key of so many parts. */
export function numberIn(key: Key, parts: number): number | undefined {
  const number = key[1];
  const whole = typeof number === "number" && Number.isSafeInteger(number) && number > 0;
  return whole && key.length === parts ? number : undefined;
}

/** What was read, or what is wrong with it. */
export function decoded<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    return reasonOf(error);
  }
}

/** In few words: the caller names the key. */
function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words.replace(/^the store is damaged: /u, "");
}

/** Whether they are the same. */
export function isKey(key: Key, expected: Key): boolean {
  return keys.keyId(key) === keys.keyId(expected);
}

/** The change that takes a record away. */
export function deletion(key: Key): Change {
  return { key, value: undefined, ahead: false };
}

/** The change that sets a record. */
export function put(key: Key, value: Uint8Array): Change {
  return { key, value, ahead: false };
}
