/**
 * Who is shut out for a time: addresses, client ids and users. Management edits the list, and so do
 * failures that go too far; whoever accepts links or decides about a CONNECT looks into it.
 *
 * A mutable island, one for each broker. Time is an argument.
 */

import type { Instant } from "./identity.ts";
import { placeOf } from "./peer_host.ts";

/** What a ban is about. */
export type BanKind = "address" | "clientId" | "user";

export interface Ban {
  readonly kind: BanKind;
  /** The client id or user name; an address as `placeOf` writes it. */
  readonly value: string;
  /** When it ends; Infinity: when it is taken away. */
  readonly until: Instant;
  /** For whoever reads the list. */
  readonly reason: string;
}

export class Bans {
  #most: number;
  #told: ((ban: Ban) => void) | undefined;
  readonly #byKind: Readonly<Record<BanKind, Map<string, Ban>>> = {
    address: new Map(),
    clientId: new Map(),
    user: new Map(),
  };

  /** @param most bans of each kind; for one more, those that are over go, and then the oldest */
  constructor(most: number) {
    this.#most = most;
  }

  /** From now on `told` gets every ban that is set, and nobody else does. */
  watch(told: (ban: Ban) => void): void {
    this.#told = told;
  }

  /** Another bound; where it is lower, the oldest go. */
  bound(most: number, now: Instant): void {
    this.#most = most + 1; // room for none is made
    for (const bans of Object.values(this.#byKind)) {
      if (bans.size > most) this.#makeRoom(bans, now);
    }
    this.#most = most;
  }

  /** Sets a ban, in place of an earlier one about the same. False where the value is no address. */
  add(ban: Ban, now: Instant): boolean {
    const value = valueOf(ban.kind, ban.value);
    if (value === undefined) return false;
    const bans = this.#byKind[ban.kind];
    bans.delete(value);
    if (bans.size >= this.#most) this.#makeRoom(bans, now);
    const kept = { ...ban, value };
    bans.set(value, kept);
    this.#told?.(kept);
    return true;
  }

  /** Takes a ban away; false where there was none. */
  remove(kind: BanKind, value: string): boolean {
    const name = valueOf(kind, value);
    return name !== undefined && this.#byKind[kind].delete(name);
  }

  /** The ban that holds now; the address as links write it, with its port. */
  find(kind: BanKind, value: string, now: Instant): Ban | undefined {
    const bans = this.#byKind[kind];
    if (bans.size === 0) return undefined; // as most of the time
    const name = valueOf(kind, value);
    const ban = name === undefined ? undefined : bans.get(name);
    if (ban === undefined || ban.until > now) return ban;
    bans.delete(ban.value);
    return undefined;
  }

  /** All that hold now, the oldest of each kind first. */
  list(now: Instant): readonly Ban[] {
    const { address, clientId, user } = this.#byKind;
    return [address, clientId, user].flatMap((bans) => [...bans.values()])
      .filter(({ until }) => until > now);
  }

  #makeRoom(bans: Map<string, Ban>, now: Instant): void {
    for (const [value, { until }] of bans) if (until <= now) bans.delete(value);
    for (const value of bans.keys()) {
      if (bans.size < this.#most) return;
      bans.delete(value);
    }
  }
}

function valueOf(kind: BanKind, value: string): string | undefined {
  return kind === "address" ? placeOf(value) : value;
}
