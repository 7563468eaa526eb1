/**
 * How often somebody has failed lately, by address, client id and user: how long the answer to the next
 * failure is kept back, and when it is enough. A mutable island; its tables are bounded and forget.
 */

import { createHash } from "node:crypto";
import type { BanKind } from "../policy/bans.ts";
import type { Instant } from "../policy/identity.ts";
import { placeOf } from "../policy/peer_host.ts";
import { Recent } from "./recent.ts";

export interface FailureOptions {
  /** Milliseconds after which a failure is forgotten, unless another one follows. */
  readonly remembered: number;
  /** Addresses, client ids and users that are remembered at most, of each kind. */
  readonly most: number;
  /** Milliseconds: the answer to the first failure; it doubles with each one, up to the longest. */
  readonly delay: number;
  readonly longestDelay: number;
  /** Failures in that time that lead to a ban; 0: none do. */
  readonly banAfter: Readonly<Record<BanKind, number>>;
  readonly now: () => Instant;
}

/** Who failed. */
export interface Culprit {
  /** As links write it, with its port. */
  readonly address: string;
  readonly clientId: string;
  /** The user name that was sent. */
  readonly user: string | undefined;
}

/** What a failure leads to. */
export interface Consequence {
  /** Milliseconds that the answer is kept back. */
  readonly delay: number;
  /** What has failed often enough. */
  readonly bans: readonly { readonly kind: BanKind; readonly value: string }[];
}

export class Failures {
  readonly #options: FailureOptions;
  readonly #counts: Readonly<Record<BanKind, Recent<number>>>;

  constructor(options: FailureOptions) {
    this.#options = options;
    const { most, now } = options;
    this.#counts = {
      address: new Recent(most, now),
      clientId: new Recent(most, now),
      user: new Recent(most, now),
    };
  }

  /** Counts a failure. */
  failed({ address, clientId, user }: Culprit): Consequence {
    const { delay, longestDelay, banAfter } = this.#options;
    const place = placeOf(address);
    const counted: [BanKind, string | undefined][] = [
      ["address", place],
      ["clientId", clientId === "" ? undefined : clientId],
      ["user", user],
    ];
    let most = 0;
    const bans: Consequence["bans"][number][] = [];
    for (const [kind, value] of counted) {
      // A client id slows nobody down: where it leads to no ban either, nothing is remembered of it.
      if (value === undefined || kind === "clientId" && banAfter[kind] === 0) continue;
      const count = this.#count(kind, value);
      if (kind !== "clientId") most = Math.max(most, count);
      if (banAfter[kind] === 0 || count < banAfter[kind]) continue;
      bans.push({ kind, value });
      this.#counts[kind].delete(keyOf(value)); // after the ban it begins anew
    }
    if (delay === 0) return { delay: 0, bans };
    return {
      delay: Math.min(longestDelay, delay * 2 ** Math.min(30, Math.max(0, most - 1))),
      bans,
    };
  }

  /** Somebody has shown who it is: what its user failed before is forgotten. */
  succeeded(user: string | undefined): void {
    if (user !== undefined) this.#counts.user.delete(keyOf(user));
  }

  #count(kind: BanKind, value: string): number {
    const counts = this.#counts[kind];
    const key = keyOf(value);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count, this.#options.now() + this.#options.remembered);
    return count;
  }
}

/** Anybody may send names of 65,535 bytes, of which as many would be kept as there is room for. */
function keyOf(value: string): string {
  return value.length <= LONGEST_KEY
    ? value
    : `\0${createHash("sha256").update(value).digest("base64")}`;
}

const LONGEST_KEY = 256;
