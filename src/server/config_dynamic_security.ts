/**
 * The section `dynamicSecurity` of the configuration: that clients, groups and roles are managed over MQTT, and
 * what they are at the first start.
 */

import * as z from "zod";
import { isInRedis } from "./config_cluster.ts";
import type { Breach } from "./config_rules.ts";

export const dynamicSecuritySchema = z.strictObject({
  adminUser: z.string().min(1).max(256).default("admin").describe(
    "At the first start: the user name of the client that may manage the others.",
  ),
  adminPassword: z.string().min(1).max(1_024).optional().meta({
    description: "At the first start: its password. Default: one that is made up, and written to " +
      "dynamic-security-admin.txt in the data directory.",
    examples: ["${file:/run/secrets/dunlin-admin}"],
  }),
  importFile: z.string().min(1).max(4_096).optional().describe(
    "At the first start: a dynamic-security.json of Mosquitto, whose clients, groups and roles there " +
      "are then, in place of the one client that may manage.",
  ),
  remember: z.int().min(0).max(86_400).default(300).describe(
    "In seconds: how long a right password is remembered, so that it is not hashed again; 0: not.",
  ),
});

/** The section with everything decided. */
export type DynamicSecurityConfig = z.output<typeof dynamicSecuritySchema>;

type Fields = Readonly<Record<string, unknown>>;

/** Broken rules of the section. */
export function brokenDynamicSecurity(file: Fields): Breach[] {
  const section = file["dynamicSecurity"];
  if (typeof section !== "object" || section === null) return [];
  const { adminPassword, importFile } = section as Fields;
  if (adminPassword !== undefined && importFile !== undefined) {
    return [{
      path: "dynamicSecurity.importFile",
      found: "adminPassword too",
      expected: "one of the two: the file says itself who may manage",
      severity: "error",
    }];
  }
  const store = file["store"] === "memory" ? '"store": "memory"' : "a store in Redis";
  if (
    (file["store"] === "memory" || isInRedis(file)) && adminPassword === undefined &&
    importFile === undefined
  ) {
    return [{
      path: "dynamicSecurity",
      found: `neither adminPassword nor importFile, with ${store}`,
      expected: "one of the two, since there is no data directory to write a password to",
      severity: "error",
    }];
  }
  return [];
}
