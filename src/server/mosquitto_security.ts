/**
 * What a mosquitto.conf says about who may come in and do what, for the broker or one listener: password file,
 * acl_file, plugins, client identifiers. mosquitto.conf(5), "Authentication".
 */

import { faultText, parsePasswordFile } from "../authentication/password_file.ts";
import type { AccessRule } from "../policy/access_rule.ts";
import { accessOf } from "./mosquitto_access.ts";
import { parseAclFile } from "./mosquitto_acl.ts";
import type { Note } from "./mosquitto_note.ts";
import type { Sections, Settings } from "./mosquitto_settings.ts";
import { isTrue, lastOf, say } from "./mosquitto_settings.ts";
import type { Directive, ImportOutside } from "./mosquitto_source.ts";
import { attempt } from "./mosquitto_source.ts";

/** The file of users of these settings, looked through. */
export function passwordFileOf(
  settings: Settings,
  outside: ImportOutside,
  notes: Note[],
): { readonly passwordFile: { readonly file: string } } | undefined {
  const line = lastOf(settings, "password_file") ?? pluginFile(settings, "password_file");
  if (line === undefined) return undefined;
  const text = attempt(() => outside.readFile(line.value), line, notes);
  if (text === undefined) return undefined;
  for (const fault of parsePasswordFile(text).faults) {
    say(line, "error", faultText(line.value, fault), notes);
  }
  return { passwordFile: { file: line.value } };
}

/** The rules of the acl_file of these settings; undefined where there is none. */
export function aclRules(
  settings: Settings,
  options: Parameters<typeof accessOf>[1],
  outside: ImportOutside,
  notes: Note[],
): readonly AccessRule[] | undefined {
  const line = lastOf(settings, "acl_file") ?? pluginFile(settings, "acl_file");
  if (line === undefined) return undefined;
  const text = attempt(() => outside.readFile(line.value), line, notes);
  if (text === undefined) return undefined;
  const lines = parseAclFile(text, line.value, notes);
  if (lines.some(({ about, topic }) => about === "pattern" && /%[cu]/.test(topic))) {
    const text = "a user name or client identifier with a / in it fits into no pattern that allows";
    say(line, "stricter", text, notes);
  }
  if (lines.some(({ about }) => typeof about === "object") && !knowsUsers(settings)) {
    const text =
      "a user name counts only if it was proven, by a password file or a certificate; else the " +
      "client is anonymous";
    say(line, "stricter", text, notes);
  }
  return accessOf(lines, options, notes);
}

function knowsUsers(settings: Settings): boolean {
  return lastOf(settings, "password_file") !== undefined ||
    pluginFile(settings, "password_file") !== undefined;
}

/**
 * The users, groups and roles of the plugin for dynamic security, where it decides alone and for all listeners:
 * together with files, or for one listener, there is no counterpart.
 */
export function dynamicSecurityOf(
  { global, listeners, perListener }: Sections,
  outside: ImportOutside,
  notes: Note[],
): { readonly dynamicSecurity: { readonly importFile: string } } | undefined {
  const scopes = [global, ...(perListener ? listeners.map(({ settings }) => settings) : [])];
  const others = scopes.some((scope) =>
    FILES.some((name) => lastOf(scope, name) ?? pluginFile(scope, name)) ||
    scope !== global && pluginsOf(scope).length > 0
  );
  const plugin = pluginsOf(global).find(isDynamicSecurity);
  const file = lastOf(global, "plugin_opt_config_file") ?? lastOf(global, "auth_opt_config_file");
  if (plugin === undefined || file === undefined || others) return undefined;
  if (attempt(() => outside.readFile(file.value), file, notes) === undefined) return undefined;
  say(plugin, "check", `what ${file.value} says is taken over at the first start`, notes);
  return { dynamicSecurity: { importFile: file.value } };
}

const FILES: readonly string[] = ["password_file", "acl_file"];

function isDynamicSecurity({ value }: Directive): boolean {
  return value.includes("dynamic_security");
}

/**
 * Who may not connect, or not so; about that listener, or about all.
 *
 * @param dynamic whether the plugin for dynamic security is kept
 */
export function connectRules(
  settings: Settings,
  listener: string | undefined,
  dynamic: boolean,
  notes: Note[],
): readonly AccessRule[] {
  const here = listener === undefined ? {} : { listener };
  const denied = (name: string, who: object): AccessRule => {
    const whole = { ...who, ...here };
    const rule = { name, permission: "deny", action: "connect" } as const;
    return Object.keys(whole).length === 0 ? rule : { ...rule, who: whole };
  };
  const rules: AccessRule[] = [];
  for (const plugin of pluginsOf(settings)) {
    const text = dynamic && isDynamicSecurity(plugin) ? "" : advice(plugin);
    if (text.startsWith("nobody")) {
      rules.push(denied(`plugin, line ${plugin.line}`, {}));
      say(plugin, "stricter", text, notes);
    } else if (text !== "") say(plugin, "lost", text, notes);
  }
  const zero = lastOf(settings, "allow_zero_length_clientid");
  if (!isTrue(settings, "allow_zero_length_clientid", notes, true)) {
    rules.push(denied("no client identifier", { clientId: "dunlin-*" }));
    say(
      zero!,
      "stricter",
      "nor may an identifier begin with dunlin-, as those of the broker do",
      notes,
    );
  }
  return rules;
}

/** The last word about connect: everybody, or those with a prefix. */
export function lastConnectRules(settings: Settings, notes: Note[]): readonly AccessRule[] {
  const prefixes = settings.get("clientid_prefixes");
  if (prefixes === undefined) return [];
  const line = prefixes.at(-1)!;
  const denied: AccessRule = { name: "clientid_prefixes", permission: "deny", action: "connect" };
  if (line.value.includes("*")) {
    say(line, "stricter", "nobody may connect: a * in a rule of access is any text", notes);
    return [denied];
  }
  const who = { clientId: `${line.value}*` };
  return [{ name: "clientid_prefixes", permission: "allow", action: "connect", who }, denied];
}

function pluginsOf(settings: Settings): readonly Directive[] {
  return ["auth_plugin", "plugin", "global_plugin", "plugin_load"]
    .flatMap((name) => settings.get(name) ?? []);
}

/** What a plugin of Mosquitto's own has as its file. */
function pluginFile(settings: Settings, what: string): Directive | undefined {
  if (!pluginsOf(settings).some(({ value }) => value.includes(`mosquitto_${what}`))) {
    return undefined;
  }
  return lastOf(settings, `plugin_opt_${what}`);
}

/** What to do instead; "" where it is kept. */
function advice({ value }: Directive): string {
  if (/mosquitto_(?:acl|password)_file/.test(value)) return "";
  if (/mosquitto_persist_sqlite/.test(value)) return 'see "store"';
  if (/mosquitto_sparkplug_aware/.test(value)) return "dunlin does not look into payloads";
  const what = value.includes("dynamic_security")
    ? "beside files, or for one listener, it cannot be kept: see dynamicSecurity"
    : "it cannot be loaded: see authentication.http, authentication.jwt and access";
  return `nobody may connect: ${what}, then remove the rule`;
}
