/**
 * `dunlin store inspect`: what is in a store, in numbers. It reads no message.
 */

import { holdingStore, readingStore } from "../server/store_tools.ts";
import { openReadOnly } from "../store/sqlite_kv.ts";
import type { Store } from "../store/store.ts";
import type { StorePlace } from "./store_place.ts";
import { onStore } from "./store_place.ts";

export interface InspectOptions extends StorePlace {
  /** One JSON object in place of the tables. */
  readonly json?: boolean;
  /** How many sessions are shown, those with the longest queues first. */
  readonly sessions?: number;
}

interface SessionRow {
  readonly clientId: string;
  readonly user: string | undefined;
  readonly expiresAt: string;
  subscriptions: number;
  readonly queued: number;
  /** As limits count them. */
  readonly queuedBytes: number;
  inflight: number;
  received: number;
}

const SESSIONS = 20;
/** Milliseconds: a `Date` holds no later time. */
const LAST_DATE = 8.64e15;

/** The kinds of records, by the first part of their keys (src/store/kv_key.ts). */
const KINDS: Readonly<Record<string, string>> = {
  s: "sessions",
  t: "subscriptions",
  r: "retained messages",
  w: "Wills",
  d: "delayed messages",
  g: "settings",
  h: "segments of messages",
  b: "blocks of segments",
  e: "marks of segments",
  m: "large messages",
  n: "notes of long values",
  p: "parts of long values",
  u: "notes of commits",
  i: "interrupted commit",
  c: "counters",
  v: "layout",
};

/**
 * Prints what is in the store to standard output.
 *
 * @returns the exit status: 0, or 1 where it cannot be read
 */
export function storeInspect(options: InspectOptions): Promise<number> {
  return onStore(
    "inspect",
    options,
    1,
    (directory) =>
      holdingStore(directory, false, async (file) => {
        const kv = openReadOnly(file.path);
        const space = kv.space();
        kv.close();
        const { layout, totals, sessions } = await readingStore(file, async (store, layout) => {
          return { layout, ...await numbersOf(store) };
        });
        const most = options.sessions ?? SESSIONS;
        const shown = sessions.sort((a, b) => b.queuedBytes - a.queuedBytes || b.queued - a.queued)
          .slice(0, most);
        const records = [...space].map(([kind, { records, bytes }]) => {
          return { kind: KINDS[kind] ?? kind, records, bytes };
        });
        const { size } = Deno.statSync(file.path);
        if (options.json === true) {
          const { path } = file;
          console.log(
            JSON.stringify({ path, size, layout, totals, records, sessions: shown }, null, 2),
          );
          return 0;
        }
        console.log(`${file.path}: ${size} bytes, layout ${layout}\n`);
        console.log(table(Object.entries(totals).map(([kind, count]) => [kind, String(count)])));
        console.log(`\n${
          table([
            ["RECORDS", "NUMBER", "BYTES"],
            ...records.map(({ kind, records, bytes }) => [kind, String(records), String(bytes)]),
          ])
        }`);
        if (shown.length > 0) console.log(`\n${sessionTable(shown)}`);
        if (sessions.length > shown.length) {
          console.log(`and ${sessions.length - shown.length} sessions more (--sessions N)`);
        }
        return 0;
      }),
  );
}

async function numbersOf(store: Store) {
  const rows = new Map<string, SessionRow>();
  const totals = {
    sessions: 0,
    subscriptions: 0,
    queued: 0,
    queuedBytes: 0,
    inflight: 0,
    received: 0,
    retained: 0,
    wills: 0,
    delayed: 0,
    settings: 0,
    highestOrder: 0,
  };
  for await (const record of store.index()) {
    switch (record.type) {
      case "session": {
        const { clientId, owner, expiresAt, orders, sizes } = record;
        const queuedBytes = sizes.reduce((sum, size) => sum + size, 0);
        totals.sessions += 1;
        totals.queued += orders.length;
        totals.queuedBytes += queuedBytes;
        rows.set(clientId, {
          clientId,
          user: owner.user,
          expiresAt: Math.abs(expiresAt) <= LAST_DATE ? new Date(expiresAt).toISOString() : "",
          subscriptions: 0,
          queued: orders.length,
          queuedBytes,
          inflight: 0,
          received: 0,
        });
        break;
      }
      case "subscription":
        totals.subscriptions += 1;
        rows.get(record.clientId)!.subscriptions += 1;
        break;
      case "retained":
        totals.retained += 1;
        break;
      case "will":
        totals.wills += 1;
        break;
      case "delayed":
        totals.delayed += 1;
        break;
      case "setting":
        totals.settings += 1;
        break;
      case "order":
        totals.highestOrder = record.highest;
    }
  }
  for (const row of rows.values()) {
    const { inflight, received } = await store.load(row.clientId, 0);
    row.inflight = inflight.length;
    row.received = received.length;
    totals.inflight += inflight.length;
    totals.received += received.length;
  }
  return { totals, sessions: [...rows.values()] };
}

function sessionTable(sessions: readonly SessionRow[]): string {
  return table([
    ["CLIENT", "USER", "SUBSCRIPTIONS", "QUEUED", "BYTES", "INFLIGHT", "RECEIVED", "EXPIRES"],
    ...sessions.map((session) => [
      shown(session.clientId),
      session.user === undefined ? "" : shown(session.user),
      ...[session.subscriptions, session.queued, session.queuedBytes].map(String),
      ...[session.inflight, session.received].map(String),
      session.expiresAt,
    ]),
  ]);
}

/** A text that a client chose: escaped, and not too long. */
function shown(text: string): string {
  const escaped = JSON.stringify(text);
  return escaped.length > 50 ? `${escaped.slice(0, 49)}…` : escaped;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
    .join("\n");
}
