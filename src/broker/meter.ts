/**
 * Token buckets: how much of messages and bytes a connection, and all connections of a listener, may
 * publish. A bucket fills with time, what is read is taken from it, and who owes it something is not read
 * until that is paid: by TCP, not by dropping. This file keeps the buckets; rate.ts pauses and resumes.
 *
 * Who shares a bucket and owes it something stands in a row, and what the bucket gains is dealt out along
 * it in equal portions (deficit round robin): one that floods it costs others nothing but their turn.
 */

import type { Instant } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { RateLimit } from "../session/fact.ts";
import type { Entry } from "./deadlines.ts";
import { cancel } from "./schedule.ts";
import type { Deadline, Live, Tables } from "./tables.ts";

/** A bucket, of one connection or of a listener. */
export interface Bucket {
  readonly limit: RateLimit;
  /** Whose it is; undefined: all of the listener's. */
  readonly owner: Live | undefined;
  readonly listener: string;
  /** Tokens, which are messages or bytes, a millisecond. */
  readonly rate: number;
  readonly burst: number;
  /** Below 0 where one has gone that owed something. */
  level: number;
  /** When `level` was that. */
  at: Instant;
  /** Those that owe something, in the order of their turns. */
  readonly waiting: Set<Share>;
  /** Since when somebody has waited without a break. */
  since: Instant;
  /** When somebody waited the last time. */
  until: Instant;
  due: Entry<Deadline> | undefined;
}

/** What a connection has of a bucket. */
export interface Share {
  readonly live: Live;
  readonly bucket: Bucket;
  /** Tokens that it was dealt and has not used; below 0: what it owes. */
  credit: number;
}

/** What a connection that has any rate is measured by. */
export interface Meter {
  readonly shares: readonly Share[];
  /** Buckets that it owes something; it is read while that is 0. */
  owes: number;
}

const RATES: readonly (readonly [RateLimit, burst: keyof Limits])[] = [
  ["messageRate", "messageBurst"],
  ["byteRate", "byteBurst"],
  ["listenerMessageRate", "listenerMessageBurst"],
  ["listenerByteRate", "listenerByteBurst"],
];

/** Whether a token of it is a message, not a byte. */
export function countsMessages(limit: RateLimit): boolean {
  return limit === "messageRate" || limit === "listenerMessageRate";
}

/** Whether both have the same rates. */
export function sameRates(one: Limits, other: Limits): boolean {
  return RATES.every(([rate, burst]) => one[rate] === other[rate] && one[burst] === other[burst]);
}

/** A meter by the rules of the connection; undefined where they have no rate. */
export function meterOf(tables: Tables, live: Live): Meter | undefined {
  const { limits } = live.rules;
  if (!hasRates(limits)) return undefined;
  const { listener } = live.connection.peer;
  const shares: Share[] = [];
  for (const [limit, burst] of RATES) {
    if (limits[limit] === 0) continue;
    const own = limit === "messageRate" || limit === "byteRate";
    const bucket = own
      ? newBucket(tables, limit, listener, live, limits[limit], limits[burst])
      : sharedBucket(tables, limit, listener, limits[limit], limits[burst]);
    shares.push({ live, bucket, credit: 0 });
  }
  return { shares, owes: 0 };
}

/** Field by field: by way of `RATES`, every connection cost 780 bytes to find out that it has none. */
function hasRates(limits: Limits): boolean {
  return limits.messageRate > 0 || limits.byteRate > 0 ||
    limits.listenerMessageRate > 0 || limits.listenerByteRate > 0;
}

/** One for each listener and limit; another one where the rules have changed. */
function sharedBucket(
  tables: Tables,
  limit: RateLimit,
  listener: string,
  rate: number,
  burst: number,
): Bucket {
  const key = `${limit} ${listener}`;
  const known = tables.buckets.get(key);
  const bucket = newBucket(tables, limit, listener, undefined, rate, burst);
  if (known !== undefined && known.rate === bucket.rate && known.burst === bucket.burst) {
    return known;
  }
  tables.buckets.set(key, bucket);
  return bucket;
}

function newBucket(
  { now }: Tables,
  limit: RateLimit,
  listener: string,
  owner: Live | undefined,
  rate: number,
  burst: number,
): Bucket {
  const size = burst === 0 ? rate : burst; // a second's worth
  return {
    limit,
    owner,
    listener,
    rate: rate / 1000,
    burst: size,
    level: size,
    at: now,
    waiting: new Set(),
    since: -Infinity,
    until: -Infinity,
    due: undefined,
  };
}

/** Lets time fill it. */
export function fill(bucket: Bucket, now: Instant): void {
  bucket.level = Math.min(bucket.burst, bucket.level + (now - bucket.at) * bucket.rate);
  bucket.at = now;
}

/** What is dealt out at least: a message or some bytes, and a hundredth of a second's worth. */
export function leastPortion({ limit, rate, burst }: Bucket): number {
  return Math.min(burst, Math.max(countsMessages(limit) ? 1 : SOME_BYTES, rate * 10));
}

const SOME_BYTES = 256;

/** Takes what was read from the share, and from the bucket where nobody waits; whether it owes something now. */
export function take(share: Share, cost: number, now: Instant): boolean {
  const { bucket } = share;
  if (share.credit < cost && bucket.waiting.size === 0) {
    fill(bucket, now);
    const taken = Math.max(0, Math.min(bucket.level, cost - share.credit));
    bucket.level -= taken;
    share.credit += taken;
  }
  share.credit -= cost;
  return share.credit < 0;
}

/** Deals out what is there, once along the row; the shares that owe nothing any more. */
export function deal(bucket: Bucket, now: Instant): readonly Share[] {
  fill(bucket, now);
  const least = leastPortion(bucket);
  const paid: Share[] = [];
  for (let turns = bucket.waiting.size; turns > 0 && bucket.level >= least; turns--) {
    const [share] = bucket.waiting;
    const portion = Math.max(least, bucket.level / turns);
    bucket.level -= portion;
    share!.credit += portion;
    bucket.waiting.delete(share!);
    if (share!.credit < 0) bucket.waiting.add(share!); // behind the others
    else paid.push(share!);
  }
  return paid;
}

/** Milliseconds until there is enough to deal out, so that few turns pay what the first one owes. */
export function dealIn(bucket: Bucket): number {
  const [first] = bucket.waiting;
  const wanted = Math.min(bucket.burst, Math.max(leastPortion(bucket), -(first?.credit ?? 0)));
  return Math.max(1, Math.ceil((wanted - bucket.level) / bucket.rate));
}

/** The connection goes, or is to be measured anew: it gives back what it was dealt, and owes on what it owes. */
export function unmeter(tables: Tables, live: Live): void {
  const { meter } = live;
  if (meter === undefined) return;
  live.meter = undefined;
  for (const { bucket, credit } of meter.shares) {
    bucket.level = Math.min(bucket.burst, bucket.level + credit);
  }
  for (const share of meter.shares) {
    const { bucket } = share;
    if (!bucket.waiting.delete(share) || bucket.waiting.size > 0) continue;
    bucket.until = tables.now;
    cancel(tables, { type: "rate", bucket });
  }
}
