/**
 * A configuration of Mosquitto as one of ours: `dunlin import mosquitto.conf`. Versions 2.0 and 2.1.
 *
 * Nothing that keeps somebody out may be dropped in silence: where it has no counterpart the result is
 * stricter, and a note says so. Where that cannot be told, as with an unknown directive, there is no result.
 */

import type { AccessRule } from "../policy/access_rule.ts";
import type { Note } from "./mosquitto_note.ts";
import { brokerKeys } from "./mosquitto_broker.ts";
import type { WrittenListener } from "./mosquitto_listener.ts";
import { listenerOf } from "./mosquitto_listener.ts";
import {
  aclRules,
  connectRules,
  dynamicSecurityOf,
  lastConnectRules,
  passwordFileOf,
} from "./mosquitto_security.ts";
import type { ListenerSettings, Sections } from "./mosquitto_settings.ts";
import { isTrue, lastOf, numberOf, say, sectionsOf } from "./mosquitto_settings.ts";
import type { ImportOutside } from "./mosquitto_source.ts";
import { readMosquittoConf } from "./mosquitto_source.ts";

/** What an import comes to. */
export interface Imported {
  /** A configuration as it is written; undefined where a note is an error. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /** In the order of files and lines. */
  readonly notes: readonly Note[];
}

/** Rules of access at most; see config_access.ts. */
const MOST_RULES = 10_000;

/** Reads the configuration and all files that it names. */
export function importMosquitto(file: string, outside: ImportOutside): Imported {
  const source = readMosquittoConf(file, outside);
  const notes = [...source.notes];
  const sections = sectionsOf(source.directives, notes);
  const listeners: [ListenerSettings, WrittenListener][] = [];
  for (const settings of sections.listeners) {
    const name = nameFor(settings, listeners.map(([, { name }]) => name));
    const anonymous = isAnonymous(sections, settings, notes);
    const written = listenerOf(settings, name, anonymous, notes);
    if (written !== undefined) listeners.push([settings, written]);
  }
  for (const bridge of sections.bridges) {
    say(
      bridge,
      "lost",
      "there are no bridges: let a client of both brokers pass messages on",
      notes,
    );
  }
  const { keys, limits } = brokerKeys(sections.global, notes);
  const authentication = passwordFileOf(sections.global, outside, notes);
  const withUsers = listeners.map(([{ settings }, listener]) => {
    const own = sections.perListener ? passwordFileOf(settings, outside, notes) : undefined;
    return sections.perListener ? { ...listener, authentication: own ?? {} } : listener;
  });
  const dynamic = dynamicSecurityOf(sections, outside, notes);
  const access = accessRules(sections, listeners, dynamic !== undefined, outside, notes);
  if (listeners.length === 0) notes.push(about(file, "no listener is left: nobody could connect"));
  if (access.length > MOST_RULES) {
    notes.push(
      about(file, `found ${access.length} rules of access; expected at most ${MOST_RULES}`),
    );
  }
  const ordered = inOrder(notes, source.directives);
  if (notes.some(({ kind }) => kind === "error")) return { config: undefined, notes: ordered };
  const config = {
    listeners: withUsers,
    ...keys,
    ...(authentication === undefined ? {} : { authentication }),
    ...dynamic,
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  return { config: { ...plain(config) as object, access: access.map(plainRule) }, notes: ordered };
}

/** Each once, by file and line; a file that no line is from, such as an acl_file, comes behind the others. */
function inOrder(notes: readonly Note[], directives: readonly { readonly file: string }[]): Note[] {
  const files = [...new Set([...directives, ...notes].map(({ file }) => file))];
  return [...new Map(notes.map((note) => [JSON.stringify(note), note])).values()]
    .toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

function about(file: string, text: string): Note {
  return { file, line: 1, kind: "error", directive: "file", text };
}

/** A name that no other has, and that means itself in a rule of access. */
function nameFor({ listener, settings }: ListenerSettings, others: readonly string[]): string {
  const port = listener?.value.split(/\s+/)[0] ?? lastOf(settings, "port")?.value ?? "1883";
  const base = port === "0" ? "unix" : `port-${port.replace(/\D/g, "")}`;
  for (let count = 1;; count++) {
    const name = count === 1 ? base : `${base}-${count}`;
    if (!others.includes(name)) return name;
  }
}

/** Where nothing is configured at all, Mosquitto lets everybody on this machine in. */
function isAnonymous(
  { perListener, global }: Sections,
  { listener, settings }: ListenerSettings,
  notes: Note[],
): boolean {
  const bare = listener === undefined && !settings.has("port") && !settings.has("bind_address");
  const scope = perListener ? settings : global;
  const general = isTrue(scope, "allow_anonymous", notes, bare);
  return isTrue(settings, "listener_allow_anonymous", notes, general);
}

function accessRules(
  sections: Sections,
  listeners: readonly (readonly [ListenerSettings, WrittenListener])[],
  dynamic: boolean,
  outside: ImportOutside,
  notes: Note[],
): AccessRule[] {
  const { global, perListener } = sections;
  const connect = [
    ...connectRules(global, undefined, dynamic, notes),
    ...listeners.flatMap(([{ settings }, { name }]) =>
      perListener ? connectRules(settings, name, false, notes) : []
    ),
  ];
  const last = lastConnectRules(global, notes);
  if (last.length > 0) connect.push(...last);
  else if (connect.length > 0) connect.push({ permission: "allow", action: "connect" });
  const narrow: AccessRule[] = [];
  if (!isTrue(global, "retain_available", notes, true)) {
    narrow.push({ name: "retain_available", permission: "deny", action: "publish", retain: true });
  }
  for (const [{ settings }, { name }] of listeners) {
    const most = numberOf(settings, "max_qos", notes, 0, 2) ?? 2;
    const qos = ([1, 2] as const).filter((qos) => qos > most);
    if (qos.length === 0) continue;
    narrow.push({
      name: "max_qos",
      permission: "deny",
      who: { listener: name },
      action: "publish",
      qos,
    });
  }
  const isClientId = ({ settings }: ListenerSettings) =>
    isTrue(settings, "use_username_as_clientid", notes);
  const some = listeners.some(([settings]) => isClientId(settings));
  if (perListener || some) {
    const own = listeners.map(([listener, { name }]) => {
      const options = { listener: name, usernameIsClientId: isClientId(listener) };
      return [
        name,
        aclRules(perListener ? listener.settings : global, options, outside, notes),
      ] as const;
    });
    if (own.some(([, rules]) => rules !== undefined)) {
      const rules = own.flatMap(([name, rules]) =>
        rules ?? [{ permission: "allow", who: { listener: name } } satisfies AccessRule]
      );
      return [...connect, ...narrow, ...rules];
    }
  } else {
    const rules = aclRules(global, { usernameIsClientId: false }, outside, notes);
    if (rules !== undefined) return [...connect, ...narrow, ...rules];
  }
  const rules = [...connect, ...narrow];
  return rules.length === 0 ? rules : [...rules, { name: "no acl_file", permission: "allow" }];
}

/** Our configuration puts something in for `${`; what Mosquitto reads stands for itself. */
function plain(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** The topics of a rule have the `${…}` that were put there. */
function plainRule(rule: AccessRule): object {
  const { topics, ...rest } = rule;
  return { ...plain(rest) as object, ...(topics === undefined ? {} : { topics }) };
}
