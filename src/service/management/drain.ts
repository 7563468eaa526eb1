/**
 * `drain`: takes no more connections, sends the clients off, to another server where there is one, and ends
 * the broker. MQTT 5.0 section 4.11.
 */

import * as z from "zod";
import { command, refuse } from "./command.ts";

export const drain = command({
  name: "drain",
  help: "stops accepting, sends clients off over some seconds and then ends the broker",
  changes: true,
  example: { serverReference: "other.example:1883", seconds: 60 },
  shape: {
    serverReference: z.string().min(1).max(1_000).optional().describe(
      "Where clients of MQTT 5.0 are sent: Use another server (0x9C). Default: they are told that the " +
        "broker ends (0x8B).",
    ),
    moved: z.boolean().default(false).describe(
      "The other is theirs for good: Server moved (0x9D).",
    ),
    seconds: z.int().min(0).max(86_400).default(10).describe(
      "Over which they are sent off, so that not all come to the other at once.",
    ),
  },
  run({ serverReference, moved, seconds }, { view: { world, broker } }) {
    if (world.draining) return refuse("conflict", "clients are being sent off already");
    if (moved && serverReference === undefined) {
      return refuse("badRequest", "moved: expected a serverReference with it");
    }
    return {
      data: {
        connections: broker.connections.size,
        seconds,
        serverReference: serverReference ?? null,
      },
      instructions: [{ type: "drain", serverReference, moved, seconds }],
    };
  },
});
