/**
 * Everything that a node needs at its start, a part at a time, so that no other waits for it. First the place
 * in the log: what changes while this is read is told from there on. Then it does not matter that the parts
 * are of different moments, as every record of the log puts or deletes.
 *
 * Where a part is read from another server than the one before (a failover), that kind is read anew: the place
 * that a scan has come to means something to its server only.
 */

import type { NodeId } from "../policy/identity.ts";
import type { IndexRecord } from "../session/write.ts";
import {
  decodeDelayed,
  decodeMessage,
  decodeSession,
  decodeSetting,
  decodeSubscription,
  decodeWill,
} from "../store/record.ts";
import { answered, callOnce, callWhenUp, pause } from "./calls.ts";
import type { Reply } from "./client.ts";
import { bytesOf, listOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import { readNodes } from "./note.ts";
import { meaningOf } from "./trouble.ts";

/** Records in one answer, about; and how many a step inside Redis takes of what may be large. */
const RECORDS = 2_000, STEP = 500, LARGE_STEP = 16;
/** Sessions whose subscriptions, or owners, are asked for at once. */
const SESSIONS = 500;
/** Routes that are read together with the place in the log. */
const ROUTES = 20_000;
/** Milliseconds until what Redis does not take now is asked again. */
const AGAIN = 100;

/** Where the log was when the index was begun, and who was there. */
export interface Beginning {
  readonly log: string;
  readonly nodes: readonly NodeId[];
  readonly routes: readonly (IndexRecord & { readonly type: "route" })[];
  /** There are more than are read at once. */
  readonly manyRoutes: boolean;
}

/** The place in the log at which this node is from now on. */
export async function readBeginning(ground: Ground, link: Link): Promise<Beginning> {
  const args = [ground.node, String(ROUTES)];
  const [word, rest] = answered(await callWhenUp(link, "position", ground.key, args), "position");
  if (word === "fenced") {
    ground.fenceAsDead(rest);
    throw ground.end;
  }
  const routes = listOf(rest[4]).flatMap((each) => {
    const [node, pairs] = listOf(each);
    return routesOf(textOf(node), listOf(pairs));
  });
  return {
    log: textOf(rest[1]),
    nodes: readNodes(bytesOf(rest[2])),
    routes,
    manyRoutes: Number(rest[3]) !== 1,
  };
}

/** All records, in the order that store.ts says; of delayed messages only this node's own. */
export async function* readIndex(
  ground: Ground,
  link: Link,
  beginning: Beginning,
): AsyncGenerator<IndexRecord> {
  for await (const [, value] of scan(ground, link, "settings", LARGE_STEP)) {
    yield { type: "setting", ...decodeSetting(value) };
  }
  const clientIds: string[] = [];
  for await (const part of parts(scan(ground, link, "sessions", STEP))) {
    const sessions = part.map(([, value]) => decodeSession(value));
    const names = sessions.map(({ clientId }) => clientId);
    const owners = listOf(await callWhenUp(link, "holders", ground.key, names)).map(textOf);
    for (const [at, session] of sessions.entries()) {
      clientIds.push(session.clientId);
      const owner = owners[at]!;
      const where = owner === "" ? {} : { at: owner };
      yield { type: "session", ...session, ...where, orders: [], sizes: [] };
    }
  }
  const ask = (from: number) => {
    const names = clientIds.slice(from, from + SESSIONS);
    return names.length === 0 ? undefined : callWhenUp(link, "subscriptions", ground.key, names);
  };
  for (let at = 0, next = ask(0); next !== undefined; at += SESSIONS) {
    const packed = bytesOf(await next);
    next = ask(at + SESSIONS); // Redis looks them up while these are taken in
    next?.catch(() => {}); // it is awaited next, or nobody cares
    yield* subscriptionsOf(clientIds.slice(at, at + SESSIONS), packed);
  }
  for await (const [, value] of scan(ground, link, "retained", LARGE_STEP)) {
    yield { type: "retained", message: decodeMessage(value) };
  }
  for await (const [, value] of scan(ground, link, "wills", LARGE_STEP)) {
    yield { type: "will", will: decodeWill(value) };
  }
  for await (const [, value] of scan(ground, link, `delayed:${ground.node}`, LARGE_STEP)) {
    yield { type: "delayed", ...decodeDelayed(value) };
  }
  yield* beginning.routes.filter(({ node }) => node !== ground.node);
  if (beginning.manyRoutes) {
    for (const node of beginning.nodes) {
      if (node === ground.node) continue;
      for await (const [full, value] of scan(ground, link, `routes:${node}`, STEP)) {
        yield { type: "route", node, full, interest: Number(new TextDecoder().decode(value)) };
      }
    }
  }
  const highest = Number(textOf(await callWhenUp(link, "highest", ground.key, [])));
  yield { type: "order", highest };
}

/** The subscriptions of clients, as the function `subscriptions` packs them. */
function* subscriptionsOf(
  clientIds: readonly string[],
  packed: Uint8Array,
): Generator<IndexRecord> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  for (const clientId of clientIds) {
    let left = view.getUint32(at, true);
    at += 4;
    for (; left > 0; left--) {
      const end = at + 4 + view.getUint32(at, true);
      const subscription = decodeSubscription(packed.subarray(at + 4, end));
      yield { type: "subscription", clientId, subscription };
      at = end;
    }
  }
}

function routesOf(node: NodeId, pairs: readonly Reply[]) {
  const routes: (IndexRecord & { readonly type: "route" })[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const full = textOf(pairs[i]), interest = Number(textOf(pairs[i + 1]));
    routes.push({ type: "route", node, full, interest });
  }
  return routes;
}

/** Fields and values of a hash, each once. */
async function* scan(
  ground: Ground,
  link: Link,
  hash: string,
  step: number,
): AsyncGenerator<readonly [field: string, value: Uint8Array]> {
  const seen = new Set<string>();
  for (let cursor = "0";;) {
    const generation = link.generation;
    let reply: Reply;
    try {
      await link.up();
      const args = [hash, cursor, String(RECORDS), String(step)];
      reply = await callOnce(link, "scan", ground.key, args);
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning !== "away" && meaning !== "later") throw error;
      if (meaning === "later") await pause(AGAIN);
      continue;
    }
    if (generation !== link.generation) {
      cursor = "0";
      continue;
    }
    const [next, found] = listOf(reply);
    const flat = listOf(found);
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const field = textOf(flat[i]);
      if (seen.has(field)) continue;
      seen.add(field);
      yield [field, bytesOf(flat[i + 1])];
    }
    cursor = textOf(next);
    if (cursor === "0") return;
  }
}

/** Several at a time. */
async function* parts<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let part: T[] = [];
  for await (const each of all) {
    part.push(each);
    if (part.length < SESSIONS) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
