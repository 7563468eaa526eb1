/**
 * Which links are let in at all, before TLS and before a byte of them is read: not those of banned
 * addresses, and of one address not more in a second than is reasonable. A mutable island, one for each
 * broker.
 */

import { contains, parseCidr } from "../policy/cidr.ts";
import type { Bans } from "../policy/bans.ts";
import type { Instant } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import { placeOf } from "../policy/peer_host.ts";
import { refusals } from "./accept.ts";
import type { ListenerConfig } from "./config.ts";
import type { Log } from "./log.ts";
import type { Serve } from "./open_link.ts";

/** What an address has left. */
interface Bucket {
  tokens: number;
  at: Instant;
}

/** Why a link is not let in. */
export type Turned = "banned" | "connectRate";

export class Gate {
  readonly #bans: Bans;
  readonly #rate: number;
  readonly #burst: number;
  readonly #most: number;
  readonly #now: () => Instant;
  /** The one that came last stands last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    bans: Bans,
    limits: Pick<Limits, "connectRate" | "connectBurst" | "rememberedAddresses">,
    now: () => Instant,
  ) {
    this.#bans = bans;
    this.#rate = limits.connectRate;
    this.#burst = limits.connectBurst;
    this.#most = limits.rememberedAddresses;
    this.#now = now;
  }

  /** Counts a link from that address, and says why it may not come in; undefined where it may. */
  admit(address: string): Turned | undefined {
    const place = placeOf(address);
    if (place === undefined) return undefined; // a Unix socket: whoever may open it
    const now = this.#now();
    if (this.#bans.find("address", place, now) !== undefined) return "banned";
    return this.#rate === 0 || this.#take(place, now) ? undefined : "connectRate";
  }

  /** A token bucket for each address: `connectBurst` at once, `connectRate` a second. */
  #take(place: string, now: Instant): boolean {
    const bucket = this.#buckets.get(place) ?? this.#newBucket(now);
    // What was not here for long is gone first when there is no more room.
    this.#buckets.delete(place);
    this.#buckets.set(place, bucket);
    const gained = (now - bucket.at) * this.#rate / 1000;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + gained);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #newBucket(now: Instant): Bucket {
    if (this.#buckets.size >= this.#most) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return { tokens: this.#burst, at: now };
  }
}

/**
 * The gate for what a listener accepts. What a trusted proxy hands on is looked at when it is known whose
 * it is.
 */
export function gateOf(
  gate: Gate,
  config: ListenerConfig,
): (address: string) => Turned | undefined {
  if (hasProxyHeader(config)) return () => undefined;
  const proxies = trustedProxies(config).map(parseCidr);
  return (address) => {
    const isProxy = proxies.some((range) => typeof range !== "string" && contains(range, address));
    return isProxy ? undefined : gate.admit(address);
  };
}

/** Serves what comes through proxies only where the gate lets in whose it is. */
export function behindProxies(
  gate: Gate,
  config: ListenerConfig,
  log: Log,
  serve: Serve,
): Serve {
  if (!hasProxyHeader(config) && trustedProxies(config).length === 0) return serve;
  const refuse = refusals(log, config.name);
  return async (link, id, peer) => {
    const turned = gate.admit(peer.address);
    if (turned === undefined) return await serve(link, id, peer);
    link.close();
    refuse(peer.address, turned);
  };
}

function hasProxyHeader({ proxyProtocol }: ListenerConfig): boolean {
  return proxyProtocol !== undefined && proxyProtocol !== false;
}

function trustedProxies(config: ListenerConfig): readonly string[] {
  return "trustedProxies" in config ? config.trustedProxies : [];
}
