/**
 * The keys of the configuration that say how a listener speaks TLS, the rules between them, and what is wrong
 * with the files that they name.
 *
 * It must not keep what it reads: a listener reads its files itself, and again when they change.
 */

import * as z from "zod";
import type { TlsFiles, TlsProblem } from "../transport/tls_material.ts";
import { readMaterial } from "../transport/tls_material.ts";
import type { Config, ListenerConfig } from "./config.ts";
import { type Path, pathText, type Problem } from "./config_problem.ts";
import type { Breach } from "./config_rules.ts";
import { parseConfigText } from "./config_source.ts";
import type { Outside } from "./config_substitute.ts";

/** What a listener of type tls listens on when its keys are absent: the port of MQTT over TLS. */
export const defaultTlsPort = 8883;

const path = z.string().min(1).max(4_096);
export const pairShape = {
  certificate: path.describe(
    "The file of the certificate and the chain behind it, in PEM; relative to the directory that " +
      "the broker is started in.",
  ),
  key: path.describe("The file of its private key, in PEM."),
};

/** The keys, which stand in a listener of type tls, and in `tls` of others. */
export const tlsShape = {
  ...pairShape,
  sni: z.array(z.strictObject(pairShape)).max(256).default([]).describe(
    "More certificates: the one is served that is for the server name which a client asks for.",
  ),
  ca: path.optional().describe(
    "The file of the CAs that clients' certificates must be issued by, in PEM. Default: clients are " +
      "asked for none.",
  ),
  crl: path.optional().describe("The file of those CAs' revocation lists, in PEM. Default: none."),
  requestCert: z.enum(["required", "optional"]).default("required").describe(
    "With ca: whether clients must show a certificate, or may.",
  ),
  use: z.enum(["commonName", "subject", "sanUri", "sanDns"]).optional().describe(
    "With ca: what of its certificate is a client's user name; the client is let in as that user. " +
      "Default: the certificate is no user name.",
  ),
};

const tlsSchema = z.strictObject(tlsShape);

/** How a listener speaks TLS. */
export type TlsConfig = z.output<typeof tlsSchema>;

/** How this one does; undefined where it does not. QUIC, which is TLS 1.3, knows one certificate only. */
export function tlsOf(listener: ListenerConfig): TlsConfig | undefined {
  if (listener.type === "tls") return listener;
  if (listener.type === "quic") {
    return {
      certificate: listener.certificate,
      key: listener.key,
      sni: [],
      requestCert: "required",
    };
  }
  return listener.type === "websocket" ? listener.tls : undefined;
}

/** The files of it. */
export function tlsFilesOf({ certificate, key, sni, ca, crl, requestCert }: TlsConfig): TlsFiles {
  return { certificate, key, more: sni, ca, crl, required: requestCert === "required" };
}

/** Keys that are nothing without another one. */
export function brokenTls(
  listener: Readonly<Record<string, unknown>>,
  index: number,
  isWrong: (path: string) => boolean,
): Breach[] {
  const inner = listener["type"] === "websocket" ? listener["tls"] : listener;
  if (typeof inner !== "object" || inner === null) return [];
  const tls = inner as Readonly<Record<string, unknown>>;
  const here = `listeners[${index}]${inner === listener ? "" : ".tls"}`;
  if (listener["type"] !== "tls" && inner === listener || tls["ca"] !== undefined) return [];
  return ["crl", "requestCert", "use"].flatMap((key): Breach[] => {
    const where = `${here}.${key}`;
    if (tls[key] === undefined || isWrong(where)) return [];
    const expected = "ca too: the CAs that clients' certificates must be issued by";
    return [{ path: where, found: `${key} without ca`, expected, severity: "error" }];
  });
}

/**
 * What is wrong with the files of all listeners of a configuration.
 *
 * @param text of the configuration, for the positions
 */
export function readTls(
  { listeners }: Pick<Config, "listeners">,
  text: string,
  readFile: Outside["readFile"],
): Problem[] {
  const { values } = parseConfigText(text);
  return listeners.flatMap((listener, index) => {
    const tls = tlsOf(listener);
    if (tls === undefined) return [];
    const at: Path = ["listeners", index, ...(listener.type === "websocket" ? ["tls"] : [])];
    const { problems } = readMaterial(tlsFilesOf(tls), readFile, Date.now());
    return problems.map(({ key, found, expected, severity }) => {
      const path = `${pathText(at)}.${key}`;
      return { path, ...(values.get(path) ?? values.get(pathText(at))), found, expected, severity };
    });
  });
}

/** A problem in words. */
export function tlsProblemText({ key, found, expected }: TlsProblem): string {
  return `${key}: found ${found}; expected ${expected}`;
}
