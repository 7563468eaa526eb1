/** MQTT.js (npm:mqtt) with what tests need: promises with limits, and messages kept as they come. */

import mqtt from "mqtt";
import { within } from "./within.ts";

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  // deno-lint-ignore no-explicit-any -- as MQTT.js hands it out
  readonly properties: any;
}

export interface JsClient {
  readonly client: mqtt.MqttClient;
  /** The CONNACK. */
  readonly connack: mqtt.IConnackPacket;
  readonly messages: readonly Received[];
  /** Waits until there are that many messages; all of them. */
  readonly receive: (count: number) => Promise<readonly Received[]>;
  /** DISCONNECT; does not connect again. */
  readonly end: () => Promise<void>;
}

/** Connects; keeps messages from the start, those of a resumed session included. */
export async function connectJs(
  port: number,
  clientId: string,
  options: Partial<mqtt.IClientOptions> = {},
): Promise<JsClient> {
  const client = mqtt.connect({
    host: "127.0.0.1",
    port,
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  });
  const messages: Received[] = [];
  let look = () => {};
  client.on("message", (topic, payload, { qos, retain, dup, properties }) => {
    messages.push({ topic, payload: payload.toString(), qos, retain, dup, properties });
    look();
  });
  const connack = await within(
    new Promise<mqtt.IConnackPacket>((resolve, reject) => {
      client.once("connect", resolve);
      client.once("error", reject);
    }),
    `CONNACK for ${clientId}`,
  );
  client.removeAllListeners("error");
  client.on("error", () => {}); // tests look at what they expect
  return {
    client,
    connack,
    messages,
    async receive(count) {
      const enough = new Promise<void>((resolve) => {
        look = () => messages.length >= count && resolve();
        look();
      });
      await within(enough, () => `${count} messages at ${clientId}; there were ${messages.length}`);
      return messages;
    },
    end: () => within(client.endAsync(), `the end of ${clientId}`),
  };
}

/** The next event of that name; its arguments. */
export function once(client: mqtt.MqttClient, event: string): Promise<unknown[]> {
  const happened = new Promise<unknown[]>((resolve) => {
    // deno-lint-ignore no-explicit-any -- any event, by name
    (client as any).once(event, (...args: unknown[]) => resolve(args));
  });
  return within(happened, `the event ${event}`);
}
