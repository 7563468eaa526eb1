/**
 * What a mosquitto.conf says of the broker as a whole, as keys of ours. mosquitto.conf(5), "General options".
 * What is about access, listeners and bridges is the business of others.
 */

import type { Limits } from "../policy/limits.ts";
import { limitTable } from "../policy/limit_table.ts";
import type { Note } from "./mosquitto_note.ts";
import type { Settings } from "./mosquitto_settings.ts";
import { expected, isPluginOption, isTrue, lastOf, numberOf, say } from "./mosquitto_settings.ts";

/** Keys of the configuration, and its limits. */
export interface BrokerKeys {
  readonly keys: Record<string, unknown>;
  readonly limits: Record<string, number>;
}

/** A limit: what it is called here, and what 0 stands for, which is no limit mostly. */
interface LimitRow {
  readonly limit: keyof Limits;
  readonly none?: number;
  /** It is said whether it is less than what was asked for. */
  readonly most?: number;
}

const LIMITS: Readonly<Record<string, LimitRow>> = {
  max_inflight_messages: { limit: "sendWindow", none: 65_535 },
  max_inflight_bytes: { limit: "sendWindowBytes", most: limitTable.sendWindowBytes.default },
  max_queued_messages: {
    limit: "queuedMessagesPerSession",
    none: limitTable.queuedMessages.default,
    most: limitTable.queuedMessages.default,
  },
  max_queued_bytes: { limit: "queuedBytesPerSession", most: limitTable.queuedBytes.default },
  max_keepalive: { limit: "maximumKeepAlive", none: 65_535 },
  global_max_connections: { limit: "maximumConnections" },
  global_max_clients: { limit: "maximumSessions" },
};

/** All of it; what is not among these directives is an error. */
export function brokerKeys(settings: Settings, notes: Note[]): BrokerKeys {
  const keys: Record<string, unknown> = {};
  const limits: Record<string, number> = {};
  const stored = isTrue(settings, "persistence", notes);
  keys["store"] = stored ? "denoKv" : "memory";
  const place = lastOf(settings, "persistence_location");
  if (stored && place !== undefined) {
    keys["data"] = `${place.value.replace(/\/+$/, "")}/dunlin`;
    say(
      place,
      "check",
      "the database of Mosquitto is not read: sessions and retained messages start empty",
      notes,
    );
  }
  if (isTrue(settings, "queue_qos0_messages", notes)) keys["queueQos0"] = true;
  const interval = numberOf(settings, "sys_interval", notes, 0, 86_400);
  if (interval !== undefined) keys["sysInterval"] = interval;
  for (const [name, row] of Object.entries(LIMITS)) {
    const number = numberOf(settings, name, notes, -1);
    if (number !== undefined) setLimit(limits, row, number, () => lastOf(settings, name)!, notes);
  }
  packetSize(settings, limits, notes);
  const expiry = secondsOf(settings, notes);
  if (expiry !== undefined) limits["maximumSessionExpiryInterval"] = expiry;
  const level = logLevel(settings);
  if (level !== undefined) keys["log"] = { level };
  for (const [name, [first]] of settings) {
    const text = ASIDE[name];
    if (text !== undefined) say(first!, "lost", text, notes);
    else if (!KNOWN.has(name) && !isPluginOption(name)) {
      expected(
        { ...first!, value: name },
        "a directive of Mosquitto 2.0 or 2.1: remove the line",
        notes,
      );
    }
  }
  return { keys, limits };
}

function setLimit(
  limits: Record<string, number>,
  { limit, none, most }: LimitRow,
  number: number,
  line: () => Parameters<typeof say>[0],
  notes: Note[],
): void {
  if (number <= 0) {
    if (none !== undefined) limits[limit] = none;
    return;
  }
  const { min, max } = limitTable[limit];
  const value = Math.max(min, Math.min(number, max, most ?? max));
  if (value < number) say(line(), "stricter", `limits.${limit} is ${value}`, notes);
  if (value > number) {
    say(line(), "check", `limits.${limit} is ${value}, which is the least`, notes);
  }
  limits[limit] = value;
}

/** Of a whole packet here: what bounds a payload bounds the packet that it is in. */
function packetSize(settings: Settings, limits: Record<string, number>, notes: Note[]): void {
  const packet = numberOf(settings, "max_packet_size", notes) || Infinity;
  const payload = numberOf(settings, "message_size_limit", notes) || Infinity;
  const size = Math.min(packet, payload);
  if (size === Infinity) return;
  if (payload <= packet) {
    const text =
      "bounds the whole packet, topic and properties included; who sends more is disconnected";
    say(lastOf(settings, "message_size_limit")!, "stricter", text, notes);
  }
  const { min, max } = limitTable.maximumPacketSize;
  limits["maximumPacketSize"] = Math.max(min, Math.min(size, max));
}

const UNITS: Readonly<Record<string, number>> = {
  h: 3_600,
  d: 86_400,
  w: 604_800,
  m: 2_592_000,
  y: 31_536_000,
};

function secondsOf(settings: Settings, notes: Note[]): number | undefined {
  const line = lastOf(settings, "persistent_client_expiration");
  if (line === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,9})([hdwmy])$/.exec(line.value) ?? [];
  if (digits === undefined) {
    expected(line, "a number and h, d, w, m or y", notes);
    return undefined;
  }
  return Math.min(Number(digits) * UNITS[unit!]!, limitTable.maximumSessionExpiryInterval.max);
}

/** The most that any line asks for. */
function logLevel(settings: Settings): string | undefined {
  const types = settings.get("log_type")?.map(({ value }) => value);
  if (types === undefined) return undefined;
  if (types.some((type) => type === "all" || type === "debug")) return "debug";
  if (types.some((type) => !["none", "error", "warning"].includes(type))) return "info";
  return types.includes("warning") ? "warn" : "error";
}

const DURABLE = "not needed: what is acknowledged is on the disk at once";
const SUPERVISOR = "a matter of what starts dunlin, such as systemd";
const LOG = 'the log goes to standard error, with its time; see "log"';

/** What has no counterpart, and keeps nobody out. */
const ASIDE: Readonly<Record<string, string>> = {
  allow_duplicate_messages:
    "a message is sent once for each subscription or once in all, as the client asks",
  auto_id_prefix: 'identifiers that the broker makes begin with "dunlin-"',
  autosave_interval: DURABLE,
  autosave_on_changes: DURABLE,
  check_retain_source: "the right of receivers is checked, that of publishers when they publish",
  connection_messages: LOG,
  enable_control_api: 'who may manage dunlin is said in "administrators"',
  log_dest: LOG,
  log_facility: LOG,
  log_timestamp: LOG,
  log_timestamp_format: LOG,
  max_inflight_bytes_global: "see limits.sendWindowBytes",
  memory_limit: "see limits: every queue and table has one",
  packet_buffer_size: "see limits.readBuffer",
  persistence_file: DURABLE,
  pid_file: SUPERVISOR,
  psk_file: "there are no pre-shared keys: use certificates",
  retain_expiry_interval:
    "retained messages stay until they are replaced, or as long as their publisher says",
  set_tcp_nodelay: "always so",
  upgrade_outgoing_qos: "a message is never sent with a QoS above that of its publisher",
  user: SUPERVISOR,
  websockets_headers_size: "see limits.upgradeRequest",
  websockets_log_level: LOG,
};

/** What is looked at somewhere. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(LIMITS),
  ..."acl_file allow_anonymous allow_zero_length_clientid auth_plugin auth_plugin_deny_special_chars"
    .split(" "),
  ..."clientid_prefixes global_plugin log_type max_packet_size message_size_limit password_file"
    .split(" "),
  ..."per_listener_settings persistence persistence_location persistent_client_expiration".split(
    " ",
  ),
  ..."plugin plugin_load plugin_use queue_qos0_messages retain_available sys_interval".split(" "),
]);
