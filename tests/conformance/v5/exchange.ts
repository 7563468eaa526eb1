/** An authentication method for rows about AUTH: it does what the client's data say. MQTT 5.0 section 4.12. */

import { anonymousOnly, withMethods } from "../../../src/authentication/authenticator.ts";
import type { Method } from "../../../src/authentication/method.ts";
import type { Packet } from "../../../src/packet/packet.ts";
import type { Limits } from "../../../src/policy/limits.ts";
import type { Bench, ClientOptions } from "../bench.ts";
import type { Peer } from "../peer.ts";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

/** `more` asks for more with the data `?`, `no` refuses with 0x87, all else is taken for a user name. */
const method: Method = {
  name: "M",
  begin: () => ({
    step(data) {
      const word = data === undefined ? "more" : TO_TEXT.decode(data);
      if (word === "more") return { type: "continue", data: TO_BYTES.encode("?") };
      if (word === "no") return { type: "refused", reason: 0x87, detail: "told so" };
      const identity = { user: word, roles: [] };
      return { type: "accepted", identity, data: TO_BYTES.encode("!") };
    },
  }),
};

/** The broker offers the method `M` besides letting anonymous clients in. */
export function offersM(at: Bench, limits: Partial<Limits> = {}): void {
  at.configure({ authenticator: withMethods(anonymousOnly, [method]), limits });
}

/** The properties of an AUTH or CONNACK that belongs to the method. */
export const ofM = {
  authenticationMethod: "M",
  authenticationData: undefined,
  reasonString: undefined,
};

/** The options of a client whose CONNECT names the method and brings these data. */
export function naming(data: string | undefined, rest: ClientOptions = {}): ClientOptions {
  return { ...rest, properties: { ...rest.properties, ...properties("M", data) } };
}

/** An AUTH of the client. */
export function auth(reasonCode: number, data?: string, name: string | undefined = "M"): Packet {
  return { type: "auth", reasonCode, properties: properties(name, data) };
}

function properties(name: string | undefined, data: string | undefined) {
  return {
    ...(name === undefined || name === "" ? {} : { authenticationMethod: name }),
    ...(data === undefined ? {} : { authenticationData: TO_BYTES.encode(data) }),
  };
}

/** A client in the midst of its first exchange: AUTH 0x18 has come and is taken. */
export async function halfway(
  at: Bench,
  clientId: string,
  rest: ClientOptions = {},
): Promise<Peer> {
  const [peer, packet] = await at.asks(clientId, naming("more", rest));
  if (packet?.type !== "auth") throw new Error(`${clientId} gets ${packet?.type} and no AUTH`);
  return peer;
}
