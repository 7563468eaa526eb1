/**
 * Which links are let in at all, before TLS and before a byte of them is read: not those of banned
 * addresses, and of one address not more in a second, nor more at once, than is reasonable. A mutable
 * island, one for each broker.
 */

import { contains, parseCidr } from "../policy/cidr.ts";
import type { Bans } from "../policy/bans.ts";
import type { ConnectionId, Instant, Peer } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import { placeOf } from "../policy/peer_host.ts";
import type { TurnAwayReason } from "../session/reason_words.ts";
import type { Link } from "../transport/transport.ts";
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
export type Turned = TurnAwayReason & ("banned" | "connectRate" | "connectionsPerAddress");

export type GateLimits = Pick<
  Limits,
  "connectRate" | "connectBurst" | "rememberedAddresses" | "connectionsPerAddress"
>;

export class Gate {
  readonly #bans: Bans;
  #rate = 0;
  #burst = 0;
  #most = 0;
  #atOnce = 0;
  readonly #now: () => Instant;
  /** The one that came last stands last. */
  readonly #buckets = new Map<string, Bucket>();
  /** The one that came last: in a storm from one address nothing has to be moved. */
  #last: Bucket | undefined;
  /** Links that are open. */
  readonly #open = new Map<string, number>();

  constructor(bans: Bans, limits: GateLimits, now: () => Instant) {
    this.#bans = bans;
    this.#now = now;
    this.change(limits);
  }

  /** Other limits, which hold from now on; what addresses have used up is remembered. */
  change(limits: GateLimits): void {
    const { connectRate, connectBurst, rememberedAddresses, connectionsPerAddress } = limits;
    this.#rate = connectRate;
    this.#burst = connectBurst;
    this.#most = rememberedAddresses;
    this.#atOnce = connectionsPerAddress;
  }

  /** Counts a link from that address, and says why it may not come in; undefined where it may. */
  admit(address: string): Turned | undefined {
    const place = placeOf(address);
    if (place === undefined) return undefined; // a Unix socket: whoever may open it
    const now = this.#now();
    if (this.#bans.find("address", place, now) !== undefined) return "banned";
    if (this.#rate > 0 && !this.#take(place, now)) return "connectRate";
    const full = this.#atOnce > 0 && (this.#open.get(place) ?? 0) >= this.#atOnce;
    return full ? "connectionsPerAddress" : undefined;
  }

  /** Counts a link of that address as open until `letGo` gets what this returns. */
  hold(address: string): string | undefined {
    const place = placeOf(address);
    if (place !== undefined) this.#open.set(place, (this.#open.get(place) ?? 0) + 1);
    return place;
  }

  /** One that was held is served no more. */
  letGo(place: string | undefined): void {
    if (place === undefined) return;
    const left = this.#open.get(place)! - 1;
    if (left > 0) this.#open.set(place, left);
    else this.#open.delete(place);
  }

  /** A token bucket for each address: `connectBurst` at once, `connectRate` a second. */
  #take(place: string, now: Instant): boolean {
    const bucket = this.#buckets.get(place) ?? this.#newBucket(now);
    if (bucket !== this.#last) {
      // What was not here for long is gone first when there is no more room.
      this.#buckets.delete(place);
      this.#buckets.set(place, bucket);
      this.#last = bucket;
    }
    const gained = (now - bucket.at) * this.#rate / 1000;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + gained);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #newBucket(now: Instant): Bucket {
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size < this.#most) break;
      this.#buckets.delete(oldest);
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
  const isProxy = proxyOf(config);
  return (address) => isProxy(address) ? undefined : gate.admit(address);
}

/**
 * Serves links counted for the address that they are of: from the start where that is known, and what comes
 * through a proxy, if the gate lets it in, as soon as the proxy has said whose it is. Of the functions that a
 * link goes through only those are async that have to be: each would cost an idle connection 0.5 KB.
 *
 * @param opened what links go through before they are served
 */
export function throughGate(
  gate: Gate,
  config: ListenerConfig,
  log: Log,
  serve: Serve,
  opened: (serve: Serve) => Serve,
  counted: (why: TurnAwayReason) => void,
): Serve {
  const isProxy = proxyOf(config);
  const refuse = refusals(log, config.name, counted);
  const byProxy = new Set<ConnectionId>();
  const held = (address: string, inner: Serve, link: Link, id: ConnectionId, peer: Peer) => {
    const place = gate.hold(address);
    const letGo = () => gate.letGo(place);
    const served = inner(link, id, peer);
    served.then(letGo, letGo); // `finally` would cost each connection two promises more
    return served;
  };
  const open = opened((link, id, peer) => {
    if (!byProxy.delete(id)) return serve(link, id, peer);
    const turned = gate.admit(peer.address);
    if (turned === undefined) return held(peer.address, serve, link, id, peer);
    link.close();
    refuse(peer.address, turned);
    return Promise.resolve();
  });
  return (link, id, peer) => {
    if (!isProxy(link.address)) return held(link.address, open, link, id, peer);
    byProxy.add(id);
    return open(link, id, peer).finally(() => byProxy.delete(id));
  };
}

/** Whether what comes from there is somebody else's. */
function proxyOf(config: ListenerConfig): (address: string) => boolean {
  if (hasProxyHeader(config)) return () => true;
  const proxies = trustedProxies(config).map(parseCidr);
  if (proxies.length === 0) return () => false;
  return (address) =>
    proxies.some((range) => typeof range !== "string" && contains(range, address));
}

/** Whether its links begin with the header of a proxy, PROXY protocol. */
export function hasProxyHeader(config: ListenerConfig): boolean {
  if (config.type === "quic") return false;
  const { proxyProtocol } = config;
  return proxyProtocol !== undefined && proxyProtocol !== false;
}

function trustedProxies(config: ListenerConfig): readonly string[] {
  return "trustedProxies" in config ? config.trustedProxies : [];
}
