/**
 * A listener that speaks TLS as its configuration says, and goes on doing so with files that change: what is
 * new and good serves new links, what is broken is told of and changes nothing, and open links stay.
 */

import type { Limits } from "../policy/limits.ts";
import { Handshakes } from "../transport/handshakes.ts";
import { quicOver } from "../transport/quic.ts";
import type { TlsListener } from "../transport/tls.ts";
import { tlsOver } from "../transport/tls.ts";
import type { TlsFiles } from "../transport/tls_material.ts";
import { readMaterial } from "../transport/tls_material.ts";
import type { Listener } from "../transport/transport.ts";
import type { ListenerConfig } from "./config.ts";
import type { TlsConfig } from "./config_tls.ts";
import { tlsFilesOf, tlsProblemText } from "./config_tls.ts";
import type { Log } from "./log.ts";
import { watchFiles } from "./watch_files.ts";

/** Milliseconds between looks at the files. */
const LOOK_INTERVAL = 1_000;

/** What a browser names in ALPN, and what MQTT is called there. */
const ALPN = { tls: ["mqtt"], websocket: ["http/1.1"] } as const;

/** What listening with TLS needs besides the configuration. */
export interface TlsSurroundings {
  readonly limits: Limits;
  readonly log: Log;
  readonly readFile: (path: string) => string;
  /** Opens the listener below TLS. */
  readonly below: () => Listener;
}

/**
 * Listens.
 *
 * @throws an Error with all that is wrong with the files, and what the system says about the port
 */
export function listenWithTls(
  config: Extract<ListenerConfig, { readonly port: number }>,
  tls: TlsConfig,
  { limits, log, readFile, below }: TlsSurroundings,
): Listener {
  const files = tlsFilesOf(tls);
  const { name } = config;
  let texts = "";
  /** What is in the files now; undefined where it is what was there before. */
  const read = () => {
    const before = texts;
    texts = "";
    const result = readMaterial(files, (path) => {
      texts += `${path}\0`;
      const text = readFile(path);
      texts += `${text}\0`;
      return text;
    }, Date.now());
    return texts === before ? undefined : result;
  };
  const { material, problems } = read()!;
  if (material === undefined) {
    const errors = problems.filter(({ severity }) => severity === "error");
    throw new Error(errors.map(tlsProblemText).join("\n"));
  }
  for (const problem of problems) {
    log.warn("TLS", { listener: name, reason: tlsProblemText(problem) });
  }
  const options = {
    alpn: config.type === "websocket" ? ALPN.websocket : ALPN.tls,
    handshakes: new Handshakes(limits.handshakes),
  };
  const listener = config.type === "quic"
    ? quicOver(below(), material, options)
    : tlsOver(below(), material, options);
  const stop = watchFiles(pathsOf(files), LOOK_INTERVAL, () => {
    const changed = read();
    if (changed !== undefined) renew(listener, changed, name, log);
  });
  return {
    address: listener.address,
    accept: () => listener.accept(),
    ...(listener.open === undefined ? {} : { open: listener.open }),
    close() {
      stop();
      listener.close();
    },
  };
}

function renew(
  listener: TlsListener,
  { material, problems }: ReturnType<typeof readMaterial>,
  name: string,
  log: Log,
): void {
  for (const problem of problems) {
    const reason = tlsProblemText(problem);
    if (problem.severity === "warning") log.warn("TLS", { listener: name, reason });
    else log.error("TLS files are not used, the old ones stay", { listener: name, reason });
  }
  if (material === undefined) return;
  listener.renew(material);
  log.info("TLS files changed and serve new connections", { listener: name });
}

function pathsOf({ certificate, key, more, ca, crl }: TlsFiles): string[] {
  const paths = [
    certificate,
    key,
    ...more.flatMap((pair) => [pair.certificate, pair.key]),
    ca,
    crl,
  ];
  return [...new Set(paths.filter((path) => path !== undefined))];
}
