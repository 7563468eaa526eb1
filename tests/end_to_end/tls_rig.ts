/**
 * A broker with TLS listeners of every kind, their certificates, and what asks it questions: openssl.
 */

import type { Authority, Pair } from "../transport/certificates.ts";
import { rootAuthority } from "../transport/certificates.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import type { Tls } from "./raw.ts";
import { tool } from "./tools.ts";
import { within } from "./within.ts";

export interface TlsRig {
  readonly broker: BrokerProcess;
  readonly directory: string;
  readonly authority: Authority;
  /** The broker's own certificate, for localhost. */
  readonly pair: Pair;
  /** The port of a listener by its name. */
  readonly port: (name: string) => number;
  /** As RawClient takes it; with the certificate of a client. */
  readonly tls: (client?: Pair) => Tls;
  readonly stop: () => Promise<void>;
}

/** The part of a listener that is TLS: for its name, from its certificate and its authority. */
export type Listeners = (
  pair: Pair,
  authority: Authority,
) => Promise<Record<string, object>>;

/** Starts a broker; a TCP listener comes first. */
export async function startTls(
  listeners: Listeners,
  config: Record<string, unknown> = {},
): Promise<TlsRig> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-tls-" });
  const authority = await rootAuthority(directory, "Test CA");
  const pair = await authority.issue("broker", { names: "DNS:localhost,IP:127.0.0.1" });
  const kinds = await listeners(pair, authority);
  const broker = await startBroker({
    store: "memory",
    log: { format: "json", level: "debug" },
    ...config,
    listeners: [
      { type: "tcp", address: "127.0.0.1", port: 0, name: "tcp" },
      ...Object.entries(kinds).map(([name, more]) => ({
        ...{ type: "tls", address: "127.0.0.1", port: 0, name },
        ...more,
      })),
    ],
  });
  const names = ["tcp", ...Object.keys(kinds)];
  const ca = await Deno.readTextFile(authority.certificate);
  return {
    broker,
    directory,
    authority,
    pair,
    port: (name) => Number(broker.addresses[names.indexOf(name)]!.split(":").at(-1)),
    tls: (client) =>
      client === undefined ? { ca } : {
        ca,
        cert: Deno.readTextFileSync(client.certificate),
        key: Deno.readTextFileSync(client.key),
      },
    async stop() {
      await broker.stop();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The certificate of a client as arguments of openssl. */
export function shown({ certificate, key }: Pair): string[] {
  return ["-cert", certificate, "-key", key];
}

/** Runs `openssl s_client` with bytes for it, each a letter of `input`; all that it prints. */
export async function sClient(port: number, args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command(tool("openssl")!, {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(Uint8Array.from(input, (letter) => letter.charCodeAt(0))).catch(() => {});
  await writer.close().catch(() => {});
  const { stdout, stderr } = await within(child.output(), "openssl s_client to end");
  const decoder = new TextDecoder("latin1");
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** The line of the log that says why a link of the listener was refused. */
export const refusedBecause = (rig: TlsRig, listener: string, reason: RegExp, from: number) =>
  rig.broker.logged(
    (line) =>
      line.message === "link refused" && line["listener"] === listener &&
      reason.test(String(line["detail"])),
    `a refusal on ${listener} because of ${reason}`,
    from,
  );

/** Lines of the log that nothing from outside may cause. */
export function alarms(rig: TlsRig): string[] {
  return rig.broker.log().filter(({ level, message }) =>
    level === "error" || /unhandled|defect/i.test(message)
  ).map(({ message, ...rest }) => `${message} ${JSON.stringify(rest)}`);
}
