/**
 * The directives of a mosquitto.conf by what they are about: the broker, one listener, one bridge.
 * mosquitto.conf(5): a directive about listeners belongs to the `listener` above it, and with
 * `per_listener_settings true` so do those that say who may do what.
 */

import type { Note } from "./mosquitto_note.ts";
import type { Directive } from "./mosquitto_source.ts";
import { placeOf } from "./mosquitto_source.ts";

/** Directives of one thing by name; of those that may stand there several times, all. */
export type Settings = ReadonlyMap<string, readonly Directive[]>;

export interface ListenerSettings {
  /** The line that begins it; undefined for the listener that is there without one. */
  readonly listener: Directive | undefined;
  readonly settings: Settings;
}

export interface Sections {
  readonly global: Settings;
  readonly listeners: readonly ListenerSettings[];
  /** The lines that begin bridges. */
  readonly bridges: readonly Directive[];
  readonly perListener: boolean;
}

const OF_LISTENERS = words(`
  accept_protocol_versions bind_interface cafile capath certfile ciphers ciphers_tls1.3 crlfile dhparamfile
  disable_client_cert_date_checks enable_proxy_protocol http_dir keyfile listener_allow_anonymous
  listener_auto_id_prefix max_connections max_qos max_topic_alias max_topic_alias_broker mount_point protocol
  proxy_protocol_v2_require_tls psk_hint require_certificate socket_domain tls_engine tls_engine_kpass_sha1
  tls_keyform tls_version use_identity_as_username use_subject_as_username use_username_as_clientid
  websockets_origin bind_address port`);

const PER_LISTENER = words(`
  acl_file allow_anonymous allow_zero_length_clientid auth_plugin auth_plugin_deny_special_chars auto_id_prefix
  password_file plugin plugin_load plugin_use psk_file`);

const OF_BRIDGES = words(`
  address addresses cleansession clientid idle_timeout keepalive_interval local_cleansession local_clientid
  local_password local_username notification_topic notifications notifications_local_only password
  remote_clientid remote_password remote_username restart_timeout round_robin start_type threshold topic
  try_private username`);

/** Whether each listener says by itself who may do what. */
const SEPARATELY = "per_listener_settings";

/** Sorts them. */
export function sectionsOf(directives: readonly Directive[], notes: Note[]): Sections {
  const own = directives.filter(({ name }) => name === SEPARATELY);
  const perListener = isTrue(new Map([[SEPARATELY, own]]), SEPARATELY, notes);
  const global = new Map<string, Directive[]>();
  const first = new Map<string, Directive[]>();
  const listeners: { listener: Directive | undefined; settings: Map<string, Directive[]> }[] = [];
  const bridges: Directive[] = [];
  let here = first;
  for (const directive of directives) {
    const { name } = directive;
    if (name === "listener") {
      here = new Map();
      listeners.push({ listener: directive, settings: here });
    } else if (name === "connection") {
      bridges.push(directive);
    } else if (OF_BRIDGES.has(name) || name.startsWith("bridge_")) {
      if (bridges.length > 0) continue;
      const text = "stands in front of any connection, so that it is nothing";
      notes.push({ ...placeOf(directive), kind: "lost", directive: name, text });
    } else {
      const ofOne = OF_LISTENERS.has(name) || perListener && isPerListener(name);
      const settings = ofOne ? here : global;
      const all = settings.get(name);
      if (all === undefined) settings.set(name, [directive]);
      else all.push(directive);
    }
  }
  const places = ["port", "bind_address", "bind_interface", "certfile", "psk_hint"];
  const isDefault = listeners.length === 0 || places.some((name) => first.has(name));
  if (isDefault) listeners.unshift({ listener: undefined, settings: first });
  else {
    for (const [name, [directive]] of first) {
      const text = "stands in front of any listener, so that it is nothing";
      notes.push({ ...placeOf(directive!), kind: "check", directive: name, text });
    }
  }
  return { global, listeners, bridges, perListener };
}

/** What a plugin is given has any name. */
export function isPluginOption(name: string): boolean {
  return /^(?:auth|plugin)_opt_/.test(name);
}

function isPerListener(name: string): boolean {
  return PER_LISTENER.has(name) || isPluginOption(name);
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** The one that holds: the last. */
export function lastOf(settings: Settings, name: string): Directive | undefined {
  return settings.get(name)?.at(-1);
}

/** Whether it is `true`; anything that is neither that nor `false` is an error. */
export function isTrue(
  settings: Settings,
  name: string,
  notes: Note[],
  otherwise = false,
): boolean {
  const directive = lastOf(settings, name);
  if (directive === undefined) return otherwise;
  if (directive.value === "true" || directive.value === "1") return true;
  if (directive.value === "false" || directive.value === "0") return false;
  expected(directive, "true or false", notes);
  return otherwise;
}

/** Its whole number; undefined where it is not there, or is none in that range, which is an error. */
export function numberOf(
  settings: Settings,
  name: string,
  notes: Note[],
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const directive = lastOf(settings, name);
  if (directive === undefined) return undefined;
  const number = /^-?\d{1,16}$/.test(directive.value) ? Number(directive.value) : NaN;
  if (number >= min && number <= max) return number;
  expected(directive, `a whole number from ${min} to ${max}`, notes);
  return undefined;
}

/** Says what was found and what is expected. */
export function expected(directive: Directive, what: string, notes: Note[]): void {
  say(directive, "error", `found ${JSON.stringify(directive.value)}; expected ${what}`, notes);
}

/** Adds a note about a line. */
export function say(directive: Directive, kind: Note["kind"], text: string, notes: Note[]): void {
  notes.push({ ...placeOf(directive), kind, directive: directive.name, text });
}
