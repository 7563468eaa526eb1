/**
 * A rule of auto-subscribe as it is written: for whom the broker subscribes to what. Values only; what they
 * mean is in auto_subscribe.ts (made ready) and auto_subscriptions.ts (what one client gets).
 */

import type { QoS, SubscriptionOptions } from "../packet/packet.ts";
import type { Who } from "./access_rule.ts";
import type { ClientId, Seconds } from "./identity.ts";

/** A Topic Filter with `${…}` in it, and the options of a subscription: MQTT 5.0 section 3.8.3.1. */
export interface AutoFilter {
  /** May be `$share/{ShareName}/{filter}`. */
  readonly filter: string;
  /** Absent: 0. */
  readonly qos?: QoS | undefined;
  readonly noLocal?: boolean | undefined;
  readonly retainAsPublished?: boolean | undefined;
  /**
   * 0: retained messages come at every connect, as for a client that subscribes each time; 1: when the
   * subscription is new; 2: never. Absent: 1.
   */
  readonly retainHandling?: 0 | 1 | 2 | undefined;
  readonly subscriptionIdentifier?: number | undefined;
}

/** Sessions that are there before their clients. */
export interface Provision {
  /** Word for word: a `*` is one. */
  readonly clientIds: readonly ClientId[];
  /** Whose they are; absent: of whoever is let in first with that client id. */
  readonly user?: string | undefined;
  /** Where they will connect, whose mount point is theirs; absent: where there is none. */
  readonly listener?: string | undefined;
  /** How long one waits for its client; absent: persistentSessionExpiryInterval. */
  readonly expiryInterval?: Seconds | undefined;
}

export interface AutoSubscribeRule {
  /** Stands as the origin of each subscription; no two rules have the same. */
  readonly name: string;
  /** Absent: everyone. The patterns may have `{name}` in them, see capture.ts. Not with `provision`. */
  readonly who?: Who | undefined;
  /** The rule is about these clients, and their sessions are made before they come. */
  readonly provision?: Provision | undefined;
  /** An UNSUBSCRIBE does not take its subscriptions away. Absent: false. */
  readonly pinned?: boolean | undefined;
  /** A text is a filter with the default options. */
  readonly filters: readonly (string | AutoFilter)[];
}

/** The origin of what a client has subscribed to itself. */
export const CLIENT_ORIGIN = "client";

/**
 * The origin in the record of what no subscription is: the client has unsubscribed from what a rule had made,
 * which is remembered until its session ends.
 */
export const UNSUBSCRIBED_ORIGIN = "unsubscribed";

/** Names that no rule can have. */
export const RESERVED_NAMES: readonly string[] = [CLIENT_ORIGIN, UNSUBSCRIBED_ORIGIN];

/** The options with what is absent filled in. */
export function optionsOf(written: AutoFilter): SubscriptionOptions {
  return {
    qos: written.qos ?? 0,
    noLocal: written.noLocal ?? false,
    retainAsPublished: written.retainAsPublished ?? false,
    retainHandling: written.retainHandling ?? 1,
    subscriptionIdentifier: written.subscriptionIdentifier,
  };
}

/** The filter as an object. */
export function asFilter(written: string | AutoFilter): AutoFilter {
  return typeof written === "string" ? { filter: written } : written;
}
