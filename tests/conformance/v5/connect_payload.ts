/** MQTT 5.0 sections 3.1.2.8, 3.1.2.9 and 3.1.3: the order of the payload of CONNECT, user name and password. */

import type { Credentials } from "../../../src/policy/identity.ts";
import { ANONYMOUS } from "../../../src/policy/identity.ts";
import { p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { excuse, holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes, sized, turnsAway } from "../raw5.ts";

/** Lets everybody in and notes what each has said for itself. */
function noting(at: Bench): readonly Credentials[] {
  const seen: Credentials[] = [];
  at.configure({
    authenticator: {
      verify(credentials) {
        seen.push(credentials);
        return { type: "accepted", identity: ANONYMOUS };
      },
    },
  });
  return seen;
}

export const connectPayload5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-16",
    "a user name without the User Name Flag is bytes too many: malformed (0x81)",
    async (at) => {
      const seen = noting(at);
      await turnsAway(at, connectBytes({ flags: "02", payload: s("c") + s("u") }), 0x81);
      await turnsAway(at, connectBytes({ flags: "42", payload: s("c") + s("u") + s("p") }), 0x81);
      at.expects(seen.length === 0, "nobody was asked whether they may come in");
      const peer = await at.open();
      await peer.sends(connectBytes({ flags: "42", payload: s("c") + s("p") }));
      peer.gets({ type: "connack", reasonCode: 0 });
      at.expects(seen[0]!.username === undefined, "there is no user name");
      at.expects(seen[0]!.password![0] === 0x70, "what stands there is the password");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-17",
    "with the User Name Flag a CONNECT that ends before a user name is malformed (0x81)",
    async (at) => {
      const seen = noting(at);
      for (const payload of [s("c"), s("c") + "00", s("c") + "0002 75"]) {
        await turnsAway(at, connectBytes({ flags: "82", payload }), 0x81);
      }
      at.expects(seen.length === 0, "nobody was asked whether they may come in");
      for (const name of ["anna", ""]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags: "82", payload: s("c") + s(name) }));
        peer.gets({ type: "connack", reasonCode: 0 });
        at.expects(seen.at(-1)!.username === name, "the user name that was sent");
        at.expects(seen.at(-1)!.password === undefined, "and no password");
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-18",
    "a password without the Password Flag is bytes too many: malformed (0x81)",
    async (at) => {
      const seen = noting(at);
      await turnsAway(at, connectBytes({ flags: "82", payload: s("c") + s("u") + s("p") }), 0x81);
      await turnsAway(at, connectBytes({ flags: "02", payload: s("c") + s("p") }), 0x81);
      at.expects(seen.length === 0, "nobody was asked whether they may come in");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-19",
    "with the Password Flag a CONNECT that ends before a password is malformed (0x81)",
    async (at) => {
      const seen = noting(at);
      for (const rest of ["", "00", "0002 70"]) {
        await turnsAway(at, connectBytes({ flags: "c2", payload: s("c") + s("u") + rest }), 0x81);
        await turnsAway(at, connectBytes({ flags: "42", payload: s("c") + rest }), 0x81);
      }
      at.expects(seen.length === 0, "nobody was asked whether they may come in");
      for (const password of ["00ff80", ""]) {
        const peer = await at.open();
        const payload = s("c") + s("u") + sized(password);
        await peer.sends(connectBytes({ flags: "c2", payload }));
        peer.gets({ type: "connack", reasonCode: 0 });
        const found = [...seen.at(-1)!.password!].map((byte) => byte.toString(16).padStart(2, "0"));
        at.expects(found.join("") === password, "the password byte for byte");
      }
    },
  ),
  excuse(
    "5.0",
    ["MQTT-3.1.2-20", "MQTT-3.1.2-21"],
    "binds the client: what it sends by itself to stay within the Keep Alive is no act of a server; " +
      "what the server does when it does not is shown with MQTT-3.1.2-22",
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-1",
    "the fields of the payload are read in their order, and used for what they are",
    async (at) => {
      const seen = noting(at);
      const panel = await at.client("panel");
      await panel.subscribes("#");
      const peer = await at.open();
      const will = p("03", s("type")) + s("gone") + s("bye");
      await peer.sends(
        connectBytes({ flags: "c6", payload: s("id") + will + s("user") + s("pass") }),
      );
      peer.gets({ type: "connack", reasonCode: 0 });
      const { clientId, username, password } = seen.at(-1)!;
      at.expects(clientId === "id", `the client id is ${clientId}`);
      at.expects(username === "user", `the user name is ${username}`);
      at.expects(new TextDecoder().decode(password) === "pass", "the password");
      await peer.drops();
      panel.gets({
        type: "publish",
        topic: "gone",
        payload: "bye",
        properties: { contentType: "type" },
      });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-1",
    "where another order cannot be read as that one, it is malformed (0x81)",
    async (at) => {
      const [id, properties, topic, payload] = [s("id"), p("03", s("type")), s("gone"), s("bye")];
      const [user, password] = [s("user"), sized("ff")];
      for (
        const fields of [
          [properties, id, topic, payload, user, password],
          [id, topic, properties, payload, user, password],
          [id, topic, payload, properties, user, password],
          [id, user, password, properties, topic, payload],
          [id, properties, topic, payload, password, user],
          [password, id, properties, topic, payload, user],
        ]
      ) await turnsAway(at, connectBytes({ flags: "c6", payload: fields.join("") }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-12",
    "a user name of ill-formed UTF-8 or with U+0000 is malformed (0x81); any other reaches the authenticator",
    async (at) => {
      const seen = noting(at);
      for (const name of ["eda080", "c080", "ff", "6100", "c3", "61".repeat(60) + "c3"]) {
        await turnsAway(at, connectBytes({ flags: "82", payload: s("c") + sized(name) }), 0x81);
      }
      at.expects(seen.length === 0, "nobody was asked whether they may come in");
      const peer = await at.open();
      const payload = s("c") + s("größe\u{1f986}\ufeff");
      await peer.sends(connectBytes({ flags: "82", payload }));
      peer.gets({ type: "connack", reasonCode: 0 });
      at.expects(seen[0]!.username === "größe\u{1f986}\ufeff", "the user name as it was sent");
    },
  ),
];
