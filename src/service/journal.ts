/**
 * What is logged of what happens: a pure function from facts to lines.
 */

import { reasonName } from "../packet/reason_code.ts";
import type { Fact } from "../session/fact.ts";

export interface Line {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** The level of a fact's line, known without making the line. */
export function levelOf(fact: Fact): Line["level"] {
  switch (fact.type) {
    case "dropped":
    case "subscribed":
    case "unsubscribed":
      return "debug";
    case "refused":
    case "notProvisioned":
      return "warn";
    case "sessionEnded":
      return fact.awaited ? "warn" : "info";
    case "provisioned":
      return "debug"; // of many at a start
    case "disconnected":
      // Who looks whether the port is open and says nothing, as checks of proxies do, is no news.
      if (fact.clientId === "" && fact.reason === "linkLost") return "debug";
      return QUIET.has(fact.reason) ? "info" : "warn";
    case "store":
      return fact.full ? "error" : "info";
    case "storeDamaged":
      return "error";
    default:
      return "info";
  }
}

/** Ends of connections that are everyday matters. */
const QUIET: ReadonlySet<string> = new Set(["clientDisconnected", "clientFailed", "shutdown"]);

/** The line of a fact. */
export function lineOf(fact: Fact): Line {
  const level = levelOf(fact);
  switch (fact.type) {
    case "connected": {
      const { clientId, user, peer, version, sessionPresent, keepAlive } = fact;
      return {
        level,
        message: "connected",
        fields: {
          clientId,
          user,
          address: peer.address,
          listener: peer.listener,
          version: VERSIONS[version],
          sessionPresent,
          keepAlive,
        },
      };
    }
    case "disconnected": {
      const { clientId, user, peer, reason, reasonCode, detail } = fact;
      return {
        level,
        message: reason === "refused" ? "refused" : "disconnected",
        fields: {
          clientId,
          user,
          address: peer.address,
          reason,
          reasonCode: reasonName(reasonCode),
          detail,
        },
      };
    }
    case "dropped": {
      const { clientId, topic, reason, count } = fact;
      return { level, message: "dropped", fields: { clientId, topic, reason, count } };
    }
    case "refused": {
      const { clientId, action, topic, reasonCode, detail } = fact;
      return {
        level,
        message: `${action} refused`,
        fields: { clientId, topic, reason: reasonName(reasonCode), detail },
      };
    }
    case "subscribed":
    case "unsubscribed": {
      const { clientId, user, subscriptions } = fact;
      const filters = subscriptions.map(({ full, options }) => `${full} (QoS ${options.qos})`);
      return { level, message: fact.type, fields: { clientId, user, filters: some(filters) } };
    }
    case "sessionEnded": {
      const { clientId, why, messagesDropped, awaited } = fact;
      const message = awaited
        ? "the session that was made for the client has ended: its first CONNECT asks for a clean start"
        : "session ended";
      return { level, message, fields: { clientId, why, messagesDropped } };
    }
    case "autoSubscribeSkipped": {
      const { clientId, rule, filter, why, detail } = fact;
      const message = "auto-subscribe skipped a filter";
      return { level, message, fields: { clientId, rule, filter, reason: why, detail } };
    }
    case "provisioned": {
      const { clientId, user, subscriptions } = fact;
      const message = "a session was made for a client that has never connected";
      return { level, message, fields: { clientId, user, subscriptions } };
    }
    case "notProvisioned": {
      const { clientId, detail } = fact;
      const message = "no session was made for a client that has never connected";
      return { level, message, fields: { clientId, reason: detail } };
    }
    case "rateLimited": {
      const { clientId, listener, limit, rate } = fact;
      const who = clientId === "" ? {} : { clientId };
      return { level, message: "rate limited", fields: { ...who, listener, limit, rate } };
    }
    case "store":
      return fact.full
        ? {
          level,
          message: "the store has no room: QoS 1 and 2 are refused or held back until it has",
          fields: { reason: fact.detail },
        }
        : { level, message: "the store has room again", fields: {} };
    case "storeDamaged": {
      const { reason, path, carried, lost, why, empty } = fact;
      return {
        level,
        message: empty
          ? "the store was damaged: it is set aside, and an empty one takes its place"
          : "the store was damaged: it is set aside, and what can be read is carried over",
        fields: { path, reason, carried: counts(carried), lost: counts(lost), why: why.join("; ") },
      };
    }
  }
}

/** The first few, and how many there are more: a line is no place for thousands. */
function some(texts: readonly string[]): string {
  const first = texts.slice(0, 10).join(", ");
  return texts.length <= 10 ? first : `${first} and ${texts.length - 10} more`;
}

/** Those that are not 0. */
function counts(of: Readonly<Record<string, number>>): string {
  const parts = Object.entries(of).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;
