/**
 * aedes with aedes-persistence-redis and mqemitter-redis as a program, for `cluster.ts` to measure beside dunlin:
 * `aedes_redis.ts --port N --redis PORT`. Its packages are no dependencies of dunlin: they are named here alone,
 * with their versions, and loaded when it runs.
 */

import type { Buffer } from "node:buffer";
import net from "node:net";
import { parseArgs } from "node:util";

const PACKAGES = {
  aedes: "npm:aedes@1.2.0",
  persistence: "npm:aedes-persistence-redis@12.0.0",
  emitter: "npm:mqemitter-redis@7.2.1",
} as const;

interface Aedes {
  readonly handle: (socket: net.Socket, request?: Buffer) => void;
}

const { values } = parseArgs({
  options: { port: { type: "string" }, redis: { type: "string" } },
});
const redis = { host: "127.0.0.1", port: Number(values.redis) };
const [{ Aedes }, { default: persistence }, { default: emitter }] = await Promise.all(
  Object.values(PACKAGES).map((name) => import(name)),
);
const broker: Aedes = await Aedes.createBroker({
  mq: emitter(redis),
  persistence: persistence(redis),
});
net.createServer({ noDelay: true }, (socket) => broker.handle(socket))
  .listen(Number(values.port), "127.0.0.1");
