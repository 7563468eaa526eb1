/**
 * The rules between keys, which no single key can break.
 *
 * They look at the value as it was written, so that they speak even when another key is wrong; a
 * value that is itself not allowed takes part in no rule, so that one mistake is told once.
 */

import { limitTable } from "../policy/limit_table.ts";
import type { Limits } from "../policy/limits.ts";
import { brokenAccess, brokenAdministrators } from "./config_access_rules.ts";
import { brokenAdmin } from "./config_admin.ts";
import { brokenCluster } from "./config_cluster.ts";
import { brokenDynamicSecurity } from "./config_dynamic_security.ts";
import { brokenAuthentication, knowsSomebody } from "./config_authentication_rules.ts";
import { brokenAutoSubscribe } from "./config_auto_subscribe.ts";
import { brokenLimitsFor, idleLimits } from "./config_limits.ts";
import { brokenQuic, socketOf } from "./config_quic.ts";
import { brokenRanges } from "./config_ranges.ts";
import { brokenTls, defaultTlsPort } from "./config_tls.ts";
import { defaultAddress, defaultPort, defaultWebSocketPort } from "./config_schema.ts";
import { addressesCollide, behindProxies, isLoopback } from "./loopback.ts";

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
    ...brokenAuthentication(file, isWrong),
    ...brokenAccess(file["access"], isWrong),
    ...brokenAutoSubscribe(
      file["autoSubscribe"],
      isWrong,
      limit,
      knowsSomebody(file["authentication"]) || file["dynamicSecurity"] !== undefined,
    ),
    ...brokenLimitsFor(file["limitsFor"], isWrong, limit),
    ...idleLimits(sectionsOfLimits(file, listeners)),
    ...brokenAdmin(file["admin"], listeners, samePlace),
    ...brokenCluster(file, isWrong),
    ...brokenDynamicSecurity(file),
    ...brokenAdministrators(file["administrators"], isWrong),
    ...listeners.flatMap((_, index) =>
      brokenListener(
        listeners,
        index,
        isWrong,
        file["authentication"],
        file["dynamicSecurity"] !== undefined,
      )
    ),
    ...brokenQuic(file, listeners, isWrong),
    ...listeners.flatMap((listener, index) => brokenRanges(listener, index, isWrong)),
    ...listeners.flatMap((listener, index) => brokenTls(listener, index, isWrong)),
    ...listeners.flatMap((listener, index) =>
      tooManyConnections(listener, index, limit("maximumConnections"))
    ),
  ];
}

function sectionsOfLimits(
  file: Fields,
  listeners: readonly Fields[],
): readonly (readonly [path: string, limits: Fields])[] {
  const entries = Array.isArray(file["limitsFor"]) ? file["limitsFor"].map(fieldsOf) : [];
  return [
    ["limits", fieldsOf(file["limits"])],
    ...listeners.map(({ limits }, at) => [`listeners[${at}].limits`, fieldsOf(limits)] as const),
    ...entries.map(({ limits }, at) => [`limitsFor[${at}].limits`, fieldsOf(limits)] as const),
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

function brokenListener(
  listeners: readonly Fields[],
  index: number,
  isWrong: (path: string) => boolean,
  authentication: unknown,
  dynamicSecurity: boolean,
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
  const proxied = behindProxies(listener);
  if (
    (proxied || listener["type"] !== "unix") && address !== undefined &&
    (proxied || !isLoopback(address)) &&
    listener["allowAnonymous"] === undefined &&
    listener["use"] === undefined && fieldsOf(listener["tls"])["use"] === undefined &&
    !dynamicSecurity && !knowsSomebody(listener["authentication"] ?? authentication) &&
    !isWrong(`${here}.address`)
  ) {
    breaches.push({
      path: `${here}.allowAnonymous`,
      found: proxied
        ? "nothing, and clients come through proxies, so that it is false"
        : `nothing, and ${address} is no loopback address, so that it is false`,
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
  if (socketOf(left["type"]) !== socketOf(right["type"])) return false;
  if (left["type"] === "unix" || right["type"] === "unix") {
    return left["type"] === right["type"] && typeof left["path"] === "string" &&
      left["path"] === right["path"];
  }
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
  const { port, type } = listener;
  if (port !== undefined) return port;
  if (type === "tls" || type === "quic") return defaultTlsPort;
  return type === "websocket" ? defaultWebSocketPort : defaultPort;
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
