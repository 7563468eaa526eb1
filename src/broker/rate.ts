/**
 * Rates of publications, enforced by not reading: whoever is above its own rate, or wants more than its
 * turn of its listener's, is paused until what it has published is paid for. Nothing is dropped, and the
 * order stays. MQTT 5.0 sections 4.9 and 4.13 (Reason Code 0x96).
 */

import { isProven } from "../connection/stage.ts";
import type { Publish } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Rules } from "../policy/rules.ts";
import { closeLive } from "./close.ts";
import type { Bucket, Meter, Share } from "./meter.ts";
import { countsMessages, deal, dealIn, meterOf, sameRates, take, unmeter } from "./meter.ts";
import { isRead, readAgain } from "./pressure.ts";
import { schedule } from "./schedule.ts";
import type { Live, Tables } from "./tables.ts";

/** Milliseconds without anybody waiting after which it is another time above the rate. */
const BREAK = 1_000;

/** Takes a PUBLISH that was read into account, whatever became of it. */
export function charge(tables: Tables, live: Live, meter: Meter, publish: Publish): void {
  const bytes = publish.topic.length + publish.payload.length;
  const { shares } = meter;
  for (let i = 0; i < shares.length; i++) {
    const share = shares[i]!;
    const cost = countsMessages(share.bucket.limit) ? 1 : bytes;
    if (take(share, cost, tables.now)) wait(tables, live, meter, share);
  }
}

function wait(tables: Tables, live: Live, meter: Meter, share: Share): void {
  const { bucket } = share;
  if (!tables.connections.has(live.id) || bucket.waiting.has(share)) return;
  if (bucket.waiting.size === 0 && tables.now - bucket.until > BREAK) {
    bucket.since = tables.now;
    observe(tables, bucket);
  }
  const wasRead = isRead(live);
  bucket.waiting.add(share);
  meter.owes += 1;
  if (wasRead) tables.out.push({ type: "pause", connection: live.id });
  if (bucket.due === undefined) dealLater(tables, bucket);
  if (bucket.owner !== undefined) judge(tables, live, bucket);
}

/** Ends a connection that has been above a rate of its own for longer than the rules have patience. */
function judge(tables: Tables, live: Live, { since, limit }: Bucket): void {
  const { limits } = live.rules;
  if (limits.rateGrace === 0 || tables.now - since < limits.rateGrace * 1000) return;
  const detail = `above ${limit} (${limits[limit]} a second) for longer than rateGrace ` +
    `(${limits.rateGrace} s)`;
  closeLive(tables, live, "rateExceeded", Reason.messageRateTooHigh, detail);
}

function observe({ out }: Tables, { limit, listener, owner, rate }: Bucket): void {
  const clientId = owner === undefined ? "" : owner.connection.clientId;
  out.push({
    type: "observe",
    fact: { type: "rateLimited", clientId, listener, limit, rate: Math.round(rate * 1000) },
  });
}

/** A bucket has gained something: those whose turn it is are read again. */
export function dealOut(tables: Tables, bucket: Bucket): void {
  for (const share of deal(bucket, tables.now)) paid(tables, share);
  if (bucket.waiting.size > 0) dealLater(tables, bucket);
  else bucket.until = tables.now;
}

function dealLater(tables: Tables, bucket: Bucket): void {
  schedule(tables, { type: "rate", bucket }, tables.now + dealIn(bucket));
}

function paid(tables: Tables, { live }: Share): void {
  live.meter!.owes -= 1;
  readAgain(tables, live);
}

/** Measures the publications of a connection, which has no meter now, by its rules. */
export function measure(tables: Tables, live: Live, wasMeasured = false): void {
  live.meter = meterOf(tables, live);
  const singly = live.meter !== undefined;
  if (wasMeasured !== singly) tables.out.push({ type: "feedSingly", connection: live.id, singly });
}

/** Puts a connection under other rules; its rates go on as they were where they are the same. */
export function putUnder(tables: Tables, live: Live, rules: Rules): void {
  const before = live.rules.limits;
  live.rules = rules;
  if (!isProven(live.connection.stage) || sameRates(before, rules.limits)) return;
  const wasRead = isRead(live);
  const wasMeasured = live.meter !== undefined;
  unmeter(tables, live);
  measure(tables, live, wasMeasured);
  if (!wasRead) readAgain(tables, live);
}
