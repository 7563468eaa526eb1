/**
 * One listener of a mosquitto.conf as one of ours. mosquitto.conf(5), "Listeners". Where what restricts it has
 * no counterpart, it is narrower, or is left out.
 */

import type { Note } from "./mosquitto_note.ts";
import type { ListenerSettings, Settings } from "./mosquitto_settings.ts";
import { expected, isTrue, lastOf, numberOf, say } from "./mosquitto_settings.ts";

/** A listener as it is written into our configuration. */
export interface WrittenListener {
  readonly type: "tcp" | "tls" | "websocket" | "unix";
  readonly name: string;
  readonly [key: string]: unknown;
}

/** The listener; undefined where it is left out, which the notes say. */
export function listenerOf(
  { listener, settings }: ListenerSettings,
  name: string,
  allowAnonymous: boolean,
  notes: Note[],
): WrittenListener | undefined {
  const place = placeOf({ listener, settings }, notes);
  const tls = tlsOf(settings, notes);
  const mountPoint = mountPointOf(settings, notes);
  if (place === undefined || tls === "none" || mountPoint === "none") return undefined;
  const webSocket = isWebSocket(settings, notes);
  const limits = limitsOf(settings, notes);
  const versions = versionsOf(settings, notes);
  const connections = numberOf(settings, "max_connections", notes, -1, 1_000_000);
  const shared = {
    name,
    allowAnonymous: allowAnonymous && !isTrue(settings, "use_username_as_clientid", notes),
    ...(connections === undefined || connections < 1 ? {} : { maximumConnections: connections }),
    ...(versions === undefined ? {} : { versions }),
    ...(mountPoint === undefined ? {} : { mountPoint }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  aside(settings, notes);
  if ("path" in place) {
    if (webSocket || tls !== undefined) {
      say(listener!, "stricter", "left out: a Unix socket has neither TLS nor WebSocket", notes);
      return undefined;
    }
    say(listener!, "check", "the socket gets mode 0660: set its mode in the result", notes);
    return { type: "unix", ...place, ...shared };
  }
  const proxy = proxyOf(settings, notes);
  if (webSocket) {
    const origins = settings.get("websockets_origin")?.map(({ value }) => value) ?? ["*"];
    const line = lastOf(settings, "protocol")!;
    say(
      line,
      "stricter",
      'only the path /mqtt is served: set "path" where clients use another',
      notes,
    );
    const inner = tls === undefined ? {} : { tls };
    return { type: "websocket", ...place, path: "/mqtt", origins, ...inner, ...proxy, ...shared };
  }
  if (tls !== undefined) return { type: "tls", ...place, ...tls, ...proxy, ...shared };
  return { type: "tcp", ...place, ...proxy, ...shared };
}

type At = { readonly path: string } | { readonly address: string; readonly port: number };

function placeOf({ listener, settings }: ListenerSettings, notes: Note[]): At | undefined {
  const device = lastOf(settings, "bind_interface");
  const domain = lastOf(settings, "socket_domain");
  const anywhere = domain?.value === "ipv6" ? "::" : "0.0.0.0";
  if (device !== undefined) {
    say(device, "stricter", 'listens on 127.0.0.1: set "address" to that of the interface', notes);
  }
  if (listener === undefined) {
    const bound = lastOf(settings, "bind_address");
    const port = lastOf(settings, "port");
    const everywhere = port !== undefined || lastOf(settings, "certfile") !== undefined;
    const address = device === undefined && (bound !== undefined || everywhere)
      ? bound?.value ?? anywhere
      : "127.0.0.1";
    return { address, port: numberOf(settings, "port", notes, 1, 65_535) ?? 1883 };
  }
  const [port = "", host] = listener.value.split(/\s+/);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    expected(listener, "a port, and then an address if need be", notes);
    return undefined;
  }
  if (port === "0" && host !== undefined) return { path: listener.value.replace(/^0\s+/, "") };
  if (port === "0") {
    expected(listener, "the path of a Unix socket behind the 0", notes);
    return undefined;
  }
  if (device !== undefined) return { address: "127.0.0.1", port: Number(port) };
  if (host === undefined && domain === undefined) {
    const text = 'listens on all addresses of IPv4: "address": "::" listens on those of IPv6 too';
    say(listener, "stricter", text, notes);
  }
  return { address: host ?? anywhere, port: Number(port) };
}

function isWebSocket(settings: Settings, notes: Note[]): boolean {
  const protocol = lastOf(settings, "protocol");
  if (protocol === undefined || protocol.value === "mqtt") return false;
  if (protocol.value === "websockets") return true;
  expected(protocol, "mqtt or websockets", notes);
  return false;
}

/** The keys of TLS; undefined for none, "none" where the listener cannot be. */
function tlsOf(settings: Settings, notes: Note[]): Record<string, string> | undefined | "none" {
  const out = (line: { name: string } & Parameters<typeof say>[0], text: string) => {
    say(line, "stricter", `the listener is left out: ${text}`, notes);
    return "none" as const;
  };
  const psk = lastOf(settings, "psk_hint");
  if (psk !== undefined) return out(psk, "there are no pre-shared keys: use certificates");
  const certificate = lastOf(settings, "certfile"), key = lastOf(settings, "keyfile");
  const subject = lastOf(settings, "use_subject_as_username");
  const identity = lastOf(settings, "use_identity_as_username");
  const use = isTrue(settings, "use_identity_as_username", notes)
    ? "commonName"
    : isTrue(settings, "use_subject_as_username", notes)
    ? "subject"
    : undefined;
  const required = isTrue(settings, "require_certificate", notes);
  if (certificate === undefined || key === undefined) {
    const half = certificate ?? key ??
      (required ? lastOf(settings, "require_certificate") : undefined) ??
      (use === undefined ? undefined : identity ?? subject);
    if (half === undefined) return undefined;
    return out(half, "TLS needs certfile and keyfile");
  }
  const engine = lastOf(settings, "tls_engine");
  if (engine !== undefined) return out(engine, "keys are read from files only: use a file in PEM");
  const ca = lastOf(settings, "cafile"), directory = lastOf(settings, "capath");
  if (!required && use === undefined) {
    return { certificate: certificate.value, key: key.value };
  }
  if (ca === undefined) {
    const line = directory ?? lastOf(settings, "require_certificate") ?? identity ?? subject!;
    return out(line, 'put the certificates of the CAs into one file, and that into "ca"');
  }
  if (directory !== undefined) {
    say(
      directory,
      "stricter",
      "only the CAs of cafile are trusted: put the others into that file",
      notes,
    );
  }
  if (!required) say(identity ?? subject!, "stricter", "clients must show a certificate", notes);
  const crl = lastOf(settings, "crlfile");
  return {
    certificate: certificate.value,
    key: key.value,
    ca: ca.value,
    ...(crl === undefined ? {} : { crl: crl.value }),
    requestCert: "required",
    ...(use === undefined ? {} : { use }),
  };
}

function mountPointOf(settings: Settings, notes: Note[]): string | undefined | "none" {
  const line = lastOf(settings, "mount_point");
  if (line === undefined) return undefined;
  if (!/^[^+#$\0][^+#\0]{0,254}$/.test(line.value)) {
    say(line, "stricter", "the listener is left out: no mount point of ours can be so", notes);
    return "none";
  }
  if (line.value.endsWith("/")) return line.value;
  const text = `is ${
    JSON.stringify(`${line.value}/`)
  }, as it ends in a slash: topics change by that slash`;
  say(line, "stricter", text, notes);
  return `${line.value}/`;
}

function limitsOf(settings: Settings, notes: Note[]): Record<string, number> {
  const taken = numberOf(settings, "max_topic_alias", notes, 0, 65_535);
  const set = numberOf(settings, "max_topic_alias_broker", notes, 0, 65_535);
  return {
    ...(taken === undefined ? {} : { topicAliasMaximum: taken }),
    ...(set === undefined ? {} : { outgoingTopicAliases: set }),
  };
}

const VERSIONS: Readonly<Record<string, string>> = { 3: "3.1", 4: "3.1.1", 5: "5.0" };

function versionsOf(settings: Settings, notes: Note[]): string[] | undefined {
  const line = lastOf(settings, "accept_protocol_versions");
  if (line === undefined) return undefined;
  const versions = line.value.split(/[\s,]+/).map((text) => VERSIONS[text]);
  if (versions.every((version) => version !== undefined)) return [...new Set(versions)];
  expected(line, "3, 4 and 5 with commas between them", notes);
  return undefined;
}

function proxyOf(settings: Settings, notes: Note[]): Record<string, unknown> {
  const line = lastOf(settings, "enable_proxy_protocol");
  if (line === undefined || line.value === "0") return {};
  const text = 'only a proxy on 127.0.0.1 is let in: put the addresses of others into "trusted"';
  say(line, "stricter", text, notes);
  return { proxyProtocol: { trusted: ["127.0.0.1"] } };
}

/** What of a listener has no counterpart and keeps nobody out. */
function aside(settings: Settings, notes: Note[]): void {
  for (const [name, text] of Object.entries(ASIDE)) {
    const line = lastOf(settings, name);
    if (line !== undefined) say(line, "lost", text, notes);
  }
  const version = lastOf(settings, "tls_version");
  if (version?.value === "tlsv1.3") {
    say(version, "check", "TLS 1.2 is served too, to clients that do not know 1.3", notes);
  } else if (version !== undefined && version.value !== "tlsv1.2") {
    say(version, "stricter", "TLS 1.2 and 1.3 are served, nothing older", notes);
  }
  const dates = lastOf(settings, "disable_client_cert_date_checks");
  if (dates !== undefined) {
    say(dates, "stricter", "certificates that are out of date are refused", notes);
  }
  const names = lastOf(settings, "use_username_as_clientid");
  if (names !== undefined && isTrue(settings, names.name, notes)) {
    const text =
      "client identifiers stay as they are: sessions belong to their user anyway, and anonymous " +
      "clients are not let in";
    say(names, "check", text, notes);
  }
}

const ASIDE: Readonly<Record<string, string>> = {
  "ciphers": "the ciphers are those of the runtime, of which none is known to be weak",
  "ciphers_tls1.3": "the ciphers are those of the runtime, of which none is known to be weak",
  "dhparamfile": "not needed: key exchange is by elliptic curves",
  "tls_keyform": "keys are read in PEM",
  "http_dir": "no files are served: use a web server in front",
  "listener_auto_id_prefix": 'identifiers that the broker makes begin with "dunlin-"',
  "proxy_protocol_v2_require_tls": "not looked at: say it in the proxy",
};
