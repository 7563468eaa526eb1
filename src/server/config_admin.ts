/**
 * The section `admin` of the configuration: where health, metrics and the commands of management are
 * answered over HTTP.
 */

import * as z from "zod";
import type { Breach } from "./config_rules.ts";
import { isLoopback } from "./loopback.ts";

/** What HTTP listens on when its keys are absent. */
export const defaultAdminAddress = "127.0.0.1";
export const defaultAdminPort = 9883;

export const adminSchema = z.strictObject({
  address: z.string().min(1).max(255).default(defaultAdminAddress).describe(
    "The IP address or host name to listen on. Whoever reaches it reads the metrics.",
  ),
  port: z.int().min(0).max(65_535).default(defaultAdminPort).describe(
    "The port; 0 takes any free one.",
  ),
  management: z.boolean().optional().describe(
    "Whether the commands of management are answered, to users that show who they are and may ask. " +
      "Default: true on loopback addresses, false on every other.",
  ),
});

/** The section with everything decided. */
export function completeAdmin(admin: z.output<typeof adminSchema>) {
  return { ...admin, management: admin.management ?? isLoopback(admin.address) };
}

/** What requests over HTTP have as the name of a listener, in rules of access and in the log. */
const HTTP_LISTENER = "admin";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Broken rules of the section.
 *
 * @param admin the section as it was written
 * @param samePlace whether two sections would listen on the same port
 */
export function brokenAdmin(
  admin: unknown,
  listeners: readonly Fields[],
  samePlace: (left: Fields, right: Fields) => boolean,
): Breach[] {
  if (typeof admin !== "object" || admin === null) return [];
  const { address = defaultAdminAddress, port = defaultAdminPort, management } = admin as Fields;
  const breaches: Breach[] = [];
  const twin = listeners.findIndex((listener) =>
    samePlace({ type: "http", address, port }, listener)
  );
  if (twin >= 0) {
    breaches.push({
      path: "admin.port",
      found: String(port),
      expected: `a place that listeners[${twin}] does not listen on already`,
      severity: "error",
    });
  }
  const namesake = listeners.findIndex(({ name }) => name === HTTP_LISTENER);
  if (namesake >= 0) {
    breaches.push({
      path: `listeners[${namesake}].name`,
      found: JSON.stringify(HTTP_LISTENER),
      expected: "another name: it is that of the section admin",
      severity: "error",
    });
  }
  if (typeof address === "string" && !isLoopback(address)) {
    breaches.push({
      path: "admin.address",
      found: address,
      expected: management === true
        ? "a loopback address, with a proxy for HTTPS before it: passwords come in the clear"
        : "a loopback address: health and metrics are told to whoever can reach it",
      severity: "warning",
    });
  }
  return breaches;
}
