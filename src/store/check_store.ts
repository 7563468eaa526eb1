/**
 * Reads every record of a Deno KV store and looks whether it can be what was written: that it can be
 * decoded and stands under its own key, that what it refers to is there, and that something refers to
 * it. Each problem says which changes take the bad record away and leave the rest as a store that opens.
 *
 * What `dunlin store verify` shows and what is carried over from a damaged store are both this. It only
 * reads. In memory it has the ids of all messages, about 100 bytes each, and the messages of one segment.
 *
 * A value carries no checksum: a byte that was changed inside a payload is not seen.
 */

import { parseTopicFilter } from "../topic/topic_filter.ts";
import { topicNameProblem } from "../topic/topic_name.ts";
import { ByteReader } from "./bytes.ts";
import { checkSegments } from "./check_segments.ts";
import type { Checking, Found, RecordCounts } from "./checking.ts";
import {
  decoded,
  deletion,
  isKey,
  lose,
  noCounts,
  numberIn,
  orphan,
  plausible,
  put,
  readWhole,
  seen,
} from "./checking.ts";
import type { Kv } from "./kv.ts";
import { decodeCounters } from "./kv_batch.ts";
import * as keys from "./kv_key.ts";
import { MIGRATIONS } from "./kv_schema.ts";
import * as record from "./record.ts";

/**
 * Checks a store of the layout of today, after `recover()`.
 *
 * @param doubtful notes of long values may be missing: a value that is as long as a first part is cut
 * @returns what is in it, without what the problems cost
 */
export async function checkStore(
  kv: Kv,
  found: Found,
  doubtful = false,
): Promise<RecordCounts> {
  const checking: Checking = {
    kv,
    found,
    rests: new Map(),
    unclaimed: new Map(),
    sessions: new Map(),
    blobs: new Map(),
    counts: noCounts(),
    cut: new Set(),
    doubtful,
    highest: 0,
    last: 0,
  };
  await checkVersion(checking);
  await readRestNotes(checking);
  await checkSessions(checking);
  await checkSubscriptions(checking);
  await checkMessages(checking);
  await checkWills(checking);
  await checkSettings(checking);
  await checkBlobs(checking);
  await checkSegments(checking);
  for (const [order, used] of checking.blobs) {
    if (!used) await orphan(checking, keys.blobKey(order), "no entry refers to this message");
  }
  await checkParts(checking);
  await checkCounters(checking);
  return checking.counts;
}

async function checkVersion({ kv, found }: Checking): Promise<void> {
  const today = MIGRATIONS.length + 1;
  const [value] = await kv.get([keys.VERSION]);
  if (value?.length === 1 && value[0] === today) return;
  await found({
    key: keys.VERSION,
    found: value === undefined
      ? "the version of the layout is missing"
      : "it is no layout of today",
    lost: "nothing",
    repair: [put(keys.VERSION, new Uint8Array([today]))],
  });
}

/** Which values are long, as far as the notes of it can be read. */
async function readRestNotes(checking: Checking): Promise<void> {
  for await (const { key, value } of checking.kv.list(["n"])) {
    const id = keys.keyId(key.slice(1));
    const rest = decoded(() => {
      const from = new ByteReader(value, "the note of a long value");
      const rest = { number: from.varint(), parts: from.varint() };
      from.end();
      return rest;
    });
    if (typeof rest === "string") {
      checking.cut.add(id);
      await checking.found({ key, found: rest, lost: "nothing", repair: [deletion(key)] });
      continue;
    }
    checking.rests.set(id, rest);
    checking.unclaimed.set(id, key);
    if (rest.number > checking.last) checking.last = rest.number;
  }
}

async function checkSessions(checking: Checking): Promise<void> {
  const numbers = new Map<string, number>();
  for await (const { key, value } of checking.kv.list(["s"])) {
    const number = numberIn(key, 2);
    const session = number === undefined
      ? "no key of a session"
      : await readWhole(checking, key, value, record.decodeSession);
    if (typeof session === "string") {
      await lose(checking, key, session, "sessions");
      continue;
    }
    const { clientId } = session;
    const before = numbers.get(clientId);
    if (before !== undefined) { // the later number is the later session
      checking.sessions.delete(before);
      await lose(checking, keys.sessionKey(before), "its client id is there twice", "sessions");
      checking.counts.sessions -= 1;
    }
    numbers.set(clientId, number!);
    checking.sessions.set(number!, {
      clientId,
      received: new Map(),
      inflight: new Map(),
      queue: new Map(),
    });
    checking.counts.sessions += 1;
    if (number! > checking.last) checking.last = number!;
  }
}

async function checkSubscriptions(checking: Checking): Promise<void> {
  for await (const { key, value } of checking.kv.list(["t"])) {
    const number = numberIn(key, 3);
    const read = await readWhole(checking, key, value, (bytes) => {
      const subscription = record.decodeSubscription(bytes);
      if (!isKey(key, keys.subscriptionKey(number ?? 0, subscription.full))) {
        throw new Error("it stands under another filter's key");
      }
      const parsed = parseTopicFilter(subscription.full, Infinity);
      if (typeof parsed === "string") throw new Error(parsed);
      if (!checking.sessions.has(number ?? 0)) throw new Error("its session is not there");
      return subscription;
    });
    if (typeof read === "string") await lose(checking, key, read, "subscriptions");
    else checking.counts.subscriptions += 1;
  }
}

async function checkMessages(checking: Checking): Promise<void> {
  const { kv, counts } = checking;
  for await (const { key, value } of kv.list(["r"])) {
    const message = await readWhole(checking, key, value, (bytes) => {
      const message = record.decodeMessage(bytes);
      if (isKey(key, keys.retainedKey(message.topic))) return plausible(message);
      throw new Error("it stands under another topic's key");
    });
    if (typeof message === "string") {
      await lose(checking, key, message, "retained");
      continue;
    }
    counts.retained += 1;
    seen(checking, message.order);
  }
  for await (const { key, value } of kv.list(["d"])) {
    const message = await readWhole(checking, key, value, (bytes) => {
      const { message } = record.decodeDelayed(bytes);
      if (isKey(key, keys.delayedKey(message.order))) return plausible(message);
      throw new Error("it stands under another order's key");
    });
    if (typeof message === "string") {
      await lose(checking, key, message, "delayed");
      continue;
    }
    counts.delayed += 1;
    seen(checking, message.order);
  }
}

async function checkWills(checking: Checking): Promise<void> {
  for await (const { key, value } of checking.kv.list(["w"])) {
    const will = await readWhole(checking, key, value, (bytes) => {
      const will = record.decodeWill(bytes);
      const problem = topicNameProblem(will.packet.topic, Infinity);
      if (problem !== undefined) throw new Error(problem);
      if (isKey(key, keys.willKey(will.clientId))) return will;
      throw new Error("it stands under another client's key");
    });
    if (typeof will === "string") await lose(checking, key, will, "wills");
    else checking.counts.wills += 1;
  }
}

async function checkSettings(checking: Checking): Promise<void> {
  for await (const { key, value } of checking.kv.list(["g"])) {
    const setting = await readWhole(checking, key, value, (bytes) => {
      const setting = record.decodeSetting(bytes);
      if (isKey(key, keys.settingKey(setting.name))) return setting;
      throw new Error("it stands under another name's key");
    });
    if (typeof setting === "string") await lose(checking, key, setting, "settings");
    else checking.counts.settings += 1;
  }
}

/** The messages that stand by themselves; who refers to one that is lost is found with the segments. */
async function checkBlobs(checking: Checking): Promise<void> {
  for await (const { key, value } of checking.kv.list(["m"])) {
    const message = await readWhole(checking, key, value, (bytes) => {
      const message = record.decodeMessage(bytes);
      if (isKey(key, keys.blobKey(message.order))) return plausible(message);
      throw new Error("it stands under another order's key");
    });
    if (typeof message === "string") await lose(checking, key, message, "nothing");
    else checking.blobs.set(message.order, false);
  }
}

/** Parts of long values, and notes, that nothing refers to. */
async function checkParts(checking: Checking): Promise<void> {
  for (const [id, key] of checking.unclaimed) {
    checking.rests.delete(id);
    await orphan(checking, key, "the long value that it is of is not there");
  }
  const parts = new Map<number, number>();
  for (const { number, parts: count } of checking.rests.values()) parts.set(number, count);
  for await (const { key } of checking.kv.list(["p"])) {
    const [, number, n] = key;
    const count = parts.get(number as number);
    if (count !== undefined && typeof n === "number" && n >= 1 && n <= count) continue;
    await orphan(checking, key, "the long value that it is a part of is not there");
  }
}

async function checkCounters({ kv, found, highest, last }: Checking): Promise<void> {
  const [value] = await kv.get([keys.COUNTERS]);
  const counters = value === undefined
    ? { highest: 0, next: 1 }
    : decoded(() => decodeCounters(value));
  const known = typeof counters === "string" ? { highest: 0, next: 1 } : counters;
  if (typeof counters !== "string" && known.highest >= highest && known.next > last) return;
  const repaired = record.begun(20);
  repaired.varint(Math.max(highest, known.highest));
  repaired.varint(Math.max(last + 1, known.next));
  await found({
    key: keys.COUNTERS,
    found: typeof counters === "string"
      ? counters
      : `order ${known.highest} and number ${known.next}, expected at least ${highest} and ${
        last + 1
      }`,
    lost: "nothing",
    repair: [put(keys.COUNTERS, repaired.slice())],
  });
}
