/**
 * The rules between keys, which no single key can break.
 *
 * They look at the value as it was written, so that they speak even when another key is wrong; a
 * value that is itself not allowed takes part in no rule, so that one mistake is told once.
 */

import { limitTable } from "../policy/limit_table.ts";
import type { Limits } from "../policy/limits.ts";
import { entryFaults } from "./config_authentication.ts";
import { defaultAddress, defaultPort } from "./config_schema.ts";
import { addressesCollide, isLoopback } from "./loopback.ts";

/** A rule that is broken, named by the key to change. */
export interface Breach {
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly severity: "error" | "warning";
}

type LimitName = keyof Limits;
type Fields = Readonly<Record<string, unknown>>;

interface Ordering {
  readonly smaller: LimitName;
  readonly greater: LimitName;
  readonly mayBeEqual: boolean;
  readonly severity: "error" | "warning";
}

const orderings: readonly Ordering[] = [
  ordering("outboxDrained", "outboxCongested", false, "error"),
  ordering("outboxCongested", "outboxMaximum", false, "error"),
  // What is sent once more at a reconnect must fit the outbox, or it never gets through.
  ordering("sendWindowBytes", "outboxMaximum", false, "error"),
  ordering("queuedMessagesPerSession", "queuedMessages", true, "error"),
  ordering("queuedBytesPerSession", "queuedBytes", true, "error"),
  // A packet that may come in but never fits an outbox reaches nobody with QoS 0.
  ordering("maximumPacketSize", "outboxMaximum", true, "warning"),
];

/**
 * All broken rules.
 *
 * @param value the file's value after `${…}` is replaced
 * @param isWrong whether the value at a path is already known to be not allowed
 */
export function brokenRules(value: unknown, isWrong: (path: string) => boolean): Breach[] {
  const file = fieldsOf(value);
  const limits = fieldsOf(file["limits"]);
  const limit = (name: LimitName): number | undefined => {
    if (isWrong(`limits.${name}`)) return undefined;
    const written = limits[name];
    if (written === undefined) return limitTable[name].default;
    return typeof written === "number" ? written : undefined;
  };
  const listeners = Array.isArray(file["listeners"]) ? file["listeners"].map(fieldsOf) : [];
  return [
    ...orderings.flatMap((rule) => brokenOrdering(rule, limits, limit)),
    ...brokenExpiry(file, limit("maximumSessionExpiryInterval")),
    ...brokenScram(file, isWrong),
    ...listeners.flatMap((_, index) =>
      brokenListener(listeners, index, isWrong, file["authentication"])
    ),
    ...listeners.flatMap((listener, index) =>
      tooManyConnections(listener, index, limit("maximumConnections"))
    ),
  ];
}

function brokenOrdering(
  { smaller, greater, mayBeEqual, severity }: Ordering,
  limits: Fields,
  limit: (name: LimitName) => number | undefined,
): Breach[] {
  const low = limit(smaller), high = limit(greater);
  if (low === undefined || high === undefined) return [];
  if (low < high || (mayBeEqual && low === high)) return [];
  // The key that the file sets is the one to change.
  if (limits[smaller] !== undefined || limits[greater] === undefined) {
    const relation = mayBeEqual ? "at most" : "less than";
    const expected = `${relation} limits.${greater}, which is ${high}`;
    return [{ path: `limits.${smaller}`, found: String(low), expected, severity }];
  }
  const relation = mayBeEqual ? "at least" : "more than";
  const expected = `${relation} limits.${smaller}, which is ${low} by default`;
  return [{ path: `limits.${greater}`, found: String(high), expected, severity }];
}

function brokenExpiry(file: Fields, maximum: number | undefined): Breach[] {
  const path = "persistentSessionExpiryInterval";
  const interval = file[path];
  if (typeof interval !== "number" || maximum === undefined || interval <= maximum) return [];
  const expected = `at most limits.maximumSessionExpiryInterval, which is ${maximum}`;
  return [{ path, found: String(interval), expected, severity: "error" }];
}

/** The users of SCRAM stand in one place, and each of them once. */
function brokenScram(file: Fields, isWrong: (path: string) => boolean): Breach[] {
  const path = "authentication.scram";
  const written = fieldsOf(file["authentication"])["scram"];
  if (written === undefined || isWrong(path)) return [];
  const { file: name, users } = fieldsOf(written);
  if ((name === undefined) === (users === undefined)) {
    const found = name === undefined ? "neither file nor users" : "both file and users";
    return [{
      path,
      found,
      expected: "the users, or the file that they stand in",
      severity: "error",
    }];
  }
  const entries = Array.isArray(users) ? users.map(fieldsOf) : [];
  return entryFaults(entries).flatMap(({ at, key, found, expected }): Breach[] => {
    const where = `${path}.users[${at}].${key}`;
    return isWrong(where) ? [] : [{ path: where, found, expected, severity: "error" }];
  });
}

function brokenListener(
  listeners: readonly Fields[],
  index: number,
  isWrong: (path: string) => boolean,
  authentication: unknown,
): Breach[] {
  const breaches: Breach[] = [];
  const here = `listeners[${index}]`;
  const listener = listeners[index]!;
  const twin = listeners.findIndex((other, at) => at < index && samePlace(other, listener));
  if (twin >= 0) {
    const unix = listener["type"] === "unix";
    breaches.push({
      path: unix ? `${here}.path` : `${here}.port`,
      found: unix ? String(listener["path"]) : `${portOf(listener)} on ${addressOf(listener)}`,
      expected: `a place that listeners[${twin}] does not listen on already`,
      severity: "error",
    });
  }
  const name = listener["name"];
  const namesake = listeners.findIndex((other, at) => at < index && other["name"] === name);
  if (typeof name === "string" && namesake >= 0) {
    const expected = `a name that listeners[${namesake}] does not have`;
    breaches.push({
      path: `${here}.name`,
      found: JSON.stringify(name),
      expected,
      severity: "error",
    });
  }
  const address = addressOf(listener);
  if (
    listener["type"] === "tcp" && address !== undefined && !isLoopback(address) &&
    listener["allowAnonymous"] === undefined &&
    fieldsOf(authentication)["scram"] === undefined && !isWrong(`${here}.address`)
  ) {
    breaches.push({
      path: `${here}.allowAnonymous`,
      found: `nothing, and ${address} is no loopback address, so that it is false`,
      expected: "true to let clients in without credentials; as it is nobody can log in on this " +
        "listener, because no authentication is configured",
      severity: "warning",
    });
  }
  return breaches;
}

function tooManyConnections(
  listener: Fields,
  index: number,
  maximum: number | undefined,
): Breach[] {
  const wanted = listener["maximumConnections"];
  if (typeof wanted !== "number" || maximum === undefined || wanted <= maximum) return [];
  return [{
    path: `listeners[${index}].maximumConnections`,
    found: String(wanted),
    expected: `at most limits.maximumConnections, which is ${maximum} and holds in any case`,
    severity: "warning",
  }];
}

function samePlace(left: Fields, right: Fields): boolean {
  if (left["type"] !== right["type"]) return false;
  if (left["type"] === "unix") {
    return typeof left["path"] === "string" && left["path"] === right["path"];
  }
  if (left["type"] !== "tcp") return false;
  const address = addressOf(left), other = addressOf(right), port = portOf(left);
  if (address === undefined || other === undefined) return false;
  return typeof port === "number" && port !== 0 && port === portOf(right) &&
    addressesCollide(address, other);
}

function addressOf(listener: Fields): string | undefined {
  const address = listener["address"] ?? defaultAddress;
  return typeof address === "string" ? address : undefined;
}

function portOf(listener: Fields): unknown {
  return listener["port"] ?? defaultPort;
}

function ordering(
  smaller: LimitName,
  greater: LimitName,
  mayBeEqual: boolean,
  severity: "error" | "warning",
): Ordering {
  return { smaller, greater, mayBeEqual, severity };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}
