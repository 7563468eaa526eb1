/** TLS as stock clients speak it, and what a listener with TLS does not let in. MQTT 5.0 section 5.4. */

import assert from "node:assert/strict";
import { pemBlocks } from "../../src/transport/pem.ts";
import { clientCertificate } from "../../src/transport/x509.ts";
import { mosquittoPub, mosquittoSub, receive } from "./client_process.ts";
import { connectJs } from "./mqttjs_client.ts";
import { RawClient, text } from "./raw.ts";
import type { TlsRig } from "./tls_rig.ts";
import { alarms, refusedBecause, sClient, shown, startTls } from "./tls_rig.ts";
import { tool, toolTest } from "./tools.ts";

let rig: TlsRig;

Deno.test.beforeAll(async () => {
  if (tool("openssl") === undefined) return;
  rig = await startTls(async (pair, authority) => {
    const other = await authority.issue("b", { names: "DNS:b.example,DNS:*.c.example" });
    const crl = await authority.revoke([await authority.issue("revoked")]);
    const clients = { ...pair, ca: authority.certificate, crl };
    return {
      plain: pair,
      sni: { ...pair, sni: [other] },
      commonName: { ...clients, use: "commonName" },
      subject: { ...clients, use: "subject" },
      sanUri: { ...clients, use: "sanUri" },
      sanDns: { ...clients, use: "sanDns" },
      optional: { ...clients, use: "commonName", requestCert: "optional" },
      noUse: clients,
      proxied: { ...pair, proxyProtocol: { trusted: ["127.0.0.1"] }, allowAnonymous: true },
      wss: { type: "websocket", tls: pair },
      wssWithCertificate: { type: "websocket", tls: { ...clients, use: "commonName" } },
    };
  });
});

Deno.test.afterAll(async () => {
  assert.deepEqual(rig === undefined ? [] : alarms(rig), []);
  await rig?.stop();
});

const connected = (clientId: string) =>
  rig.broker.logged(
    (line) => line.message === "connected" && line["clientId"] === clientId,
    `${clientId} to be connected`,
  );

for (const listener of ["plain", "sni"]) {
  for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
    toolTest(
      ["openssl", "mosquitto_pub", "mosquitto_sub", "stdbuf"],
      `mosquitto_pub and mosquitto_sub are served by ${listener} when they speak ${version}`,
      async () => {
        const port = rig.port(listener);
        const common = ["-h", "localhost", "--cafile", rig.authority.certificate, "-V", version];
        const topic = `tls/${listener}/${version}`;
        const sub = await mosquittoSub(port, ...common, "-F", ">%q %p", "-q", "2", "-t", topic);
        for (const qos of ["0", "1", "2"]) {
          await mosquittoPub(port, ...common, "-q", qos, "-t", topic, "-m", `m${qos}`);
        }
        assert.deepEqual(await receive(sub, 3), ["0 m0", "1 m1", "2 m2"]);
        await sub.stop();
      },
    );
  }

  toolTest(["openssl"], `MQTT.js is served by ${listener} when it connects by mqtts`, async () => {
    const ca = await Deno.readTextFile(rig.authority.certificate);
    const options = { protocol: "mqtts", host: "localhost", ca } as const;
    const client = await connectJs(rig.port(listener), `js-${listener}`, options);
    await client.client.subscribeAsync(`js/${listener}`, { qos: 1 });
    await client.client.publishAsync(`js/${listener}`, "by TLS", { qos: 1 });
    assert.equal((await client.receive(1))[0]!.payload, "by TLS");
    await client.end();
  });

  toolTest(
    ["openssl"],
    `a message of 1 MB arrives as it was when it goes by ${listener}`,
    async () => {
      const where = { port: rig.port(listener), tls: rig.tls() };
      const client = await RawClient.connect(where, 5, `large-${listener}`);
      await client.subscribe(`large/${listener}`, 1);
      const payload = new Uint8Array(1_000_000).map((_, at) => at * 31 >> 3);
      await client.publish(`large/${listener}`, payload);
      const { payload: got } = await client.expect("publish");
      assert.deepEqual(got, payload);
      client.close();
    },
  );

  const handshakes: readonly [args: readonly string[], expected: RegExp][] = [
    [["-alpn", "mqtt"], /ALPN protocol: mqtt/],
    [["-alpn", "h2,mqtt"], /ALPN protocol: mqtt/],
    [[], /No ALPN negotiated[^]*Verify return code: 0|Verify return code: 0[^]*No ALPN/],
    [["-alpn", "http/1.1"], /alert no application protocol|no peer certificate available/],
    [["-tls1_2"], /New, TLSv1\.2, Cipher is ECDHE/],
    [["-tls1_3"], /New, TLSv1\.3, Cipher is TLS_/],
    [["-tls1_1"], /New, \(NONE\), Cipher is \(NONE\)/],
    [["-tls1_2", "-cipher", "AES128-SHA"], /New, \(NONE\), Cipher is \(NONE\)/],
  ];
  for (const [args, expected] of handshakes) {
    toolTest(
      ["openssl"],
      `openssl s_client ${args.join(" ")} sees ${expected} when it connects to ${listener}`,
      async () => {
        const ca = ["-CAfile", rig.authority.certificate, "-servername", "localhost"];
        assert.match(await sClient(rig.port(listener), [...ca, ...args]), expected);
      },
    );
  }
}

const serverNames: readonly [name: string, subject: string][] = [
  ["b.example", "CN = b"],
  ["x.c.example", "CN = b"],
  ["c.example", "CN = broker"],
  ["localhost", "CN = broker"],
  ["unknown.example", "CN = broker"],
];
for (const [name, subject] of serverNames) {
  toolTest(["openssl"], `${subject} is shown when the client asks for ${name}`, async () => {
    const output = await sClient(rig.port("sni"), ["-servername", name]);
    assert.ok(output.includes(`subject=${subject}\n`), output);
  });
}

const uses: readonly [use: string, user: string][] = [
  ["commonName", "pump-7"],
  ["subject", "CN=pump-7,O=Plant"],
  ["sanUri", "urn:dev:7"],
  ["sanDns", "pump7.plant"],
];
for (const [use, user] of uses) {
  toolTest(["openssl"], `a client is ${user} when the listener uses ${use}`, async () => {
    const client = await rig.authority.issue(`client-${use}`, {
      subject: "/O=Plant/CN=pump-7",
      names: "DNS:pump7.plant,URI:urn:dev:7",
    });
    const where = { port: rig.port(use), tls: rig.tls(client) };
    // Whatever user name it sends, that of its certificate counts.
    const raw = await RawClient.connect(where, 5, `use-${use}`, { username: "admin" });
    assert.equal((await connected(`use-${use}`))["user"], user);
    await raw.disconnect();
  });
}

toolTest(
  ["openssl", "mosquitto_pub"],
  "mosquitto_pub is served when it shows a certificate",
  async () => {
    const { certificate, key } = await rig.authority.issue("stock");
    const common = ["-h", "localhost", "--cafile", rig.authority.certificate, "-i", "stock"];
    const args = ["--cert", certificate, "--key", key, "-q", "2", "-t", "stock", "-m", "m"];
    await mosquittoPub(rig.port("commonName"), ...common, ...args);
    assert.equal((await connected("stock"))["user"], "stock");
  },
);

toolTest(["openssl"], "a client has no user name when the listener uses nothing", async () => {
  const client = await rig.authority.issue("nobody");
  const where = { port: rig.port("noUse"), tls: rig.tls(client) };
  await (await RawClient.connect(where, 5, "no-use")).disconnect();
  assert.equal((await connected("no-use"))["user"], undefined);
});

toolTest(["openssl"], "a client may have no certificate when it is optional", async () => {
  const where = { port: rig.port("optional"), tls: rig.tls() };
  await (await RawClient.connect(where, 5, "optional-without")).disconnect();
  assert.equal((await connected("optional-without"))["user"], undefined);
  const client = await rig.authority.issue("with");
  const other = { port: rig.port("optional"), tls: rig.tls(client) };
  await (await RawClient.connect(other, 5, "optional-with")).disconnect();
  assert.equal((await connected("optional-with"))["user"], "with");
});

toolTest(["openssl"], "a client is let in when its CA is below that of the broker", async () => {
  const below = await rig.authority.authority("Below");
  const client = await below.issue("under");
  const chain = `${rig.directory}/chain.pem`;
  const texts = [client, below].map(({ certificate }) => Deno.readTextFileSync(certificate));
  await Deno.writeTextFile(chain, texts.join(""));
  const where = {
    port: rig.port("commonName"),
    tls: rig.tls({ certificate: chain, key: client.key }),
  };
  await (await RawClient.connect(where, 5, "under")).disconnect();
  assert.equal((await connected("under"))["user"], "under");
});

/** CONNECT of MQTT 3.1.1 with a Client Identifier of four letters, and DISCONNECT. */
const visit = (clientId: string) => `\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04${clientId}\xe0\0`;
const CONNACK = "\x20\x02\0\0";

/** Tries to get in with what `args` shows; the broker's reason is that. */
async function turnedAway(listener: string, args: readonly string[], reason: RegExp) {
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const from = rig.broker.log().length;
    const port = rig.port(listener);
    const output = await sClient(port, [...args, version, "-quiet"], visit("evil"));
    assert.ok(!output.includes(CONNACK), `${version}: ${JSON.stringify(output)}`);
    await refusedBecause(rig, listener, reason, from);
  }
  assert.ok(!rig.broker.log().some((line) => line["clientId"] === "evil"));
}

toolTest(["openssl"], "openssl s_client sees CONNACK when it is let in", async () => {
  const client = await rig.authority.issue("good");
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const args = [...shown(client), version, "-quiet"];
    const output = await sClient(rig.port("commonName"), args, visit("good"));
    assert.ok(output.includes(CONNACK), JSON.stringify(output));
  }
});

type Bad = () => Promise<readonly string[]>;
const bad: readonly [title: string, args: Bad, reason: RegExp][] = [
  ["it shows no certificate", () => Promise.resolve([]), /shows no certificate/],
  ["its certificate is revoked", () => {
    const base = rig.authority.certificate.replace(/ca\.pem$/, "revoked");
    return Promise.resolve(shown({ certificate: `${base}.pem`, key: `${base}.key` }));
  }, /CN=revoked, serial [0-9A-F]+, is revoked/],
  [
    "its certificate has expired",
    async () => shown(await rig.authority.issue("old", { from: "20200101", until: "20210101" })),
    /CN=old expired at 2021-01-01/,
  ],
  [
    "its certificate is not valid yet",
    async () => shown(await rig.authority.issue("young", { from: "20400101", until: "20410101" })),
    /CN=young is not valid before 2040-01-01/,
  ],
  [
    "its certificate is for servers",
    async () =>
      shown(await rig.authority.issue("server", { extensions: ["extendedKeyUsage=serverAuth"] })),
    /CN=server is not issued by a CA in ca, out of date, or not for client auth/,
  ],
  [
    "its certificate is of version 1",
    async () => shown(await rig.authority.issue("first", { version: 1 })),
    /CN=first is not issued/,
  ],
  ["its CA is another one with the same name", async () => {
    const { rootAuthority } = await import("../transport/certificates.ts");
    return shown(await (await rootAuthority(rig.directory, "Test CA")).issue("fake"));
  }, /CN=fake is not issued by a CA in ca/],
  ["its certificate is issued by a client", async () => {
    const client = await rig.authority.issue("issuer");
    const { openssl } = await import("../transport/certificates.ts");
    const path = `${rig.directory}/sub`;
    await openssl(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...[
      "-keyout",
      `${path}.key`,
      "-out",
      `${path}.csr`,
      "-subj",
      "/CN=sub",
    ]]);
    await Deno.writeTextFile(`${path}.ext`, "basicConstraints=CA:FALSE\n");
    await openssl(["x509", "-req", "-in", `${path}.csr`, "-CA", client.certificate, ...[
      "-CAkey",
      client.key,
      "-CAcreateserial",
      "-out",
      `${path}.pem`,
    ], ...["-extfile", `${path}.ext`]]);
    return [
      ...shown({ certificate: `${path}.pem`, key: `${path}.key` }),
      "-cert_chain",
      client.certificate,
    ];
  }, /CN=sub is not issued by a CA in ca/],
];

for (const [title, args, reason] of bad) {
  for (const listener of ["commonName", "noUse"]) {
    toolTest(["openssl"], `a client is turned away by ${listener} when ${title}`, async () => {
      await turnedAway(listener, await args(), reason);
    });
  }
  if (title === "it shows no certificate") continue;
  toolTest(["openssl"], `a client is turned away by optional when ${title}`, async () => {
    await turnedAway("optional", await args(), reason);
  });
}

for (const version of [3, 1] as const) {
  toolTest(
    ["openssl"],
    `a client is turned away when it shows another's certificate of version ${version}`,
    async () => {
      const [victim, thief] = [
        await rig.authority.issue(`victim${version}`, { version }),
        await rig.authority.issue("thief"),
      ];
      const key = `${rig.directory}/forged${version}.key`;
      await Deno.writeTextFile(key, await forgedKey(victim.key, thief.key));
      // The one has no valid signature in its handshake, the other is of no use at all.
      const reason = version === 3 ? /certificate/ : /CN=victim1 is not issued/;
      await turnedAway("commonName", shown({ certificate: victim.certificate, key }), reason);
    },
  );
}

/** A key that says it belongs to the one certificate and signs with the other's. RFC 5915. */
async function forgedKey(said: string, used: string): Promise<string> {
  const { createPrivateKey } = await import("node:crypto");
  const part = (path: string, name: "d" | "x" | "y") => {
    const jwk = createPrivateKey(Deno.readTextFileSync(path)).export({ format: "jwk" });
    const base64 = jwk[name]!.replaceAll("-", "+").replaceAll("_", "/");
    return Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  };
  const bytes = [
    ...[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20, ...part(used, "d")],
    ...[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    ...[0xa1, 0x44, 0x03, 0x42, 0x00, 0x04, ...part(said, "x"), ...part(said, "y")],
  ];
  return `-----BEGIN EC PRIVATE KEY-----\n${btoa(String.fromCharCode(...bytes))}\n` +
    "-----END EC PRIVATE KEY-----\n";
}

toolTest(["openssl"], "a client is refused when its certificate has no such name", async () => {
  const client = await rig.authority.issue("nameless");
  const raw = await RawClient.open({ port: rig.port("sanUri"), tls: rig.tls(client) }, 5);
  assert.equal((await raw.knock("nameless", { username: "admin" })).reasonCode, 0x87);
  raw.close();
});

toolTest(["openssl"], "MQTT.js is served when it connects by wss", async () => {
  const ca = await Deno.readTextFile(rig.authority.certificate);
  const options = { protocol: "wss", host: "localhost", path: "/mqtt", ca } as const;
  const client = await connectJs(rig.port("wss"), "js-wss", options);
  await client.client.subscribeAsync("wss/a", { qos: 1 });
  await client.client.publishAsync("wss/a", "x".repeat(200_000), { qos: 1 });
  assert.equal((await client.receive(1))[0]!.payload.length, 200_000);
  await client.end();
});

toolTest(["openssl"], "MQTT.js is its certificate's user when it connects by wss", async () => {
  const { certificate, key } = await rig.authority.issue("browser");
  const [ca, cert, secret] = [rig.authority.certificate, certificate, key]
    .map((path) => Deno.readTextFileSync(path)) as [string, string, string];
  const options = {
    protocol: "wss",
    host: "localhost",
    path: "/mqtt",
    ca,
    cert,
    key: secret,
  } as const;
  const client = await connectJs(rig.port("wssWithCertificate"), "js-wss-cert", options);
  assert.equal((await connected("js-wss-cert"))["user"], "browser");
  await client.end();
});

toolTest(
  ["openssl"],
  "a client has the proxy's address for it when TLS follows the header",
  async () => {
    // A relay that does what a proxy does: it writes the header, then what comes.
    const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const relayed = (async () => {
      const [client, broker] = [
        await relay.accept(),
        await Deno.connect({ hostname: "127.0.0.1", port: rig.port("proxied") }),
      ];
      const header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 8883\r\n";
      await broker.write(new TextEncoder().encode(header));
      await Promise.allSettled([
        client.readable.pipeTo(broker.writable),
        broker.readable.pipeTo(client.writable),
      ]);
    })();
    const where = { port: relay.addr.port, tls: rig.tls() };
    const client = await RawClient.connect(where, 5, "proxied");
    assert.equal((await connected("proxied"))["address"], "192.0.2.7:4711");
    await client.subscribe("proxied", 1);
    await client.publish("proxied", "through");
    assert.equal(text((await client.expect("publish")).payload), "through");
    client.close();
    relay.close();
    await relayed;
  },
);

toolTest(["openssl"], "the broker shows the certificate of its file when it is asked", async () => {
  const output = await sClient(rig.port("plain"), ["-servername", "localhost"]);
  const [shownBytes] = pemBlocks(output, "CERTIFICATE");
  const [own] = pemBlocks(await Deno.readTextFile(rig.pair.certificate), "CERTIFICATE");
  assert.equal(clientCertificate(shownBytes!).fingerprint, clientCertificate(own!).fingerprint);
});
