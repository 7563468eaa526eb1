/** What the tables of connection tests are made of, deep-frozen. */

import type { Connect, Publish } from "../../src/packet/packet.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { newConnection } from "../../src/connection/connection.ts";
import { announcedBy } from "../../src/policy/announced.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { connectOf } from "../packets.ts";

export { publish, rules, version, VERSIONS } from "../session/values.ts";

export const PEER = { address: "127.0.0.1:50123", listener: "main", anonymousAllowed: true };

export function connection(changes: Partial<Connection> = {}): Connection {
  return deepFreeze({
    ...newConnection(41, PEER, announcedBy(defaultRules)),
    stage: "connected" as const,
    version: 5 as const,
    ...changes,
  });
}

export function connect(changes: Partial<Connect> = {}): Connect {
  return deepFreeze(connectOf(5, "pump", { keepAlive: 60, ...changes }));
}

export type { Publish };
