/** What is said about the files of TLS before the first client comes. */

import assert from "node:assert/strict";
import { pairFor } from "../../src/transport/tls.ts";
import type { TlsFiles } from "../../src/transport/tls_material.ts";
import { readClientMaterial, readMaterial } from "../../src/transport/tls_material.ts";
import { toolTest } from "../end_to_end/tools.ts";
import type { Authority, Pair } from "./certificates.ts";
import { openssl, rootAuthority, withAuthority } from "./certificates.ts";

/** Files that are in order, to be changed by a test. */
interface Rig {
  readonly authority: Authority;
  readonly pair: Pair;
  readonly other: Pair;
  /** Writes a file; its path. */
  readonly write: (text: string) => string;
}

function problemsOf(files: Partial<TlsFiles> & Pair, now = Date.now()): string[] {
  const whole = { more: [], required: true, ...files };
  const { material, problems } = readMaterial(whole, (path) => Deno.readTextFileSync(path), now);
  const isWrong = problems.some(({ severity }) => severity === "error");
  assert.equal(material === undefined, isWrong);
  return problems.map(({ severity, key, found }) => `${severity} ${key}: ${found}`);
}

type Trial = (rig: Rig) => Promise<Partial<TlsFiles>> | Partial<TlsFiles>;

const trials: readonly [title: string, trial: Trial, expected: readonly RegExp[]][] = [
  ["all is in order", () => ({}), []],
  ["the certificate is missing", () => ({ certificate: "/no/such" }), [
    /^error certificate: \/no\/such: No such file/,
  ]],
  ["the certificate is a directory", () => ({ certificate: "/tmp" }), [
    /^error certificate: \/tmp: Is a directory/,
  ]],
  ["the key is missing", () => ({ key: "/no/such" }), [/^error key: \/no\/such: No such file/]],
  ["the certificate is no PEM", ({ write }) => ({ certificate: write("x") }), [
    /^error certificate: 0 certificates in /,
  ]],
  ["the certificate is cut", ({ pair, write }) => ({
    certificate: write(Deno.readTextFileSync(pair.certificate).slice(0, 200)),
  }), [/^error certificate: .*found -----BEGIN CERTIFICATE----- without its end/]],
  ["the certificate is garbage inside", ({ write }) => ({
    certificate: write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
  }), [/^error certificate: .*DER/]],
  ["the key is no PEM", ({ write }) => ({ key: write("x") }), [/^error key: no private key in /]],
  ["the key is garbage inside", ({ write }) => ({
    key: write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
  }), [/^error key: /]],
  ["the key has a passphrase", async ({ pair, write }) => ({
    key: write(await openssl(["pkcs8", "-topk8", "-in", pair.key, "-passout", "pass:secret"])),
  }), [/^error key: a key with a passphrase in /]],
  ["the key is another's", ({ other }) => ({ key: other.key }), [
    /^error key: a key in .* that does not match the first certificate in /,
  ]],
  ["the key of a further certificate is another's", ({ pair, other }) => ({
    more: [other, { certificate: other.certificate, key: pair.key }],
  }), [/^error sni\[1\]\.key: a key in .* does not match/]],
  ["certificate and key are both missing", () => ({ certificate: "/a", key: "/b" }), [
    /^error certificate: \/a/,
    /^error key: \/b/,
  ]],
  [
    "the certificate has expired",
    ({ authority }) => authority.issue("old", { from: "20200101", until: "20210101" }),
    [
      /^warning certificate: CN=old in .*, which expired at 2021-01-01/,
    ],
  ],
  [
    "the certificate is not valid yet",
    ({ authority }) => authority.issue("new", { from: "20400101", until: "20410101" }),
    [
      /^warning certificate: CN=new in .*, which is not valid before 2040-01-01/,
    ],
  ],
  ["there is a list without CAs", ({ write }) => ({ crl: write("") }), [
    /^error crl: .* without ca$/,
  ]],
  ["the CAs are no PEM", ({ write }) => ({ ca: write("x") }), [/^error ca: 0 certificates in /]],
  ["the list is no PEM", ({ authority, write }) => ({
    ca: authority.certificate,
    crl: write("x"),
  }), [/^error crl: .*found no -----BEGIN X509 CRL-----/]],
  ["the list is another CA's", async ({ authority }) => ({
    ca: authority.certificate,
    crl: await (await rootAuthority(authority.certificate.replace(/\/[^/]*$/, ""), "Other CA"))
      .revoke([]),
  }), [/^error crl: .*list 1: its CA CN=Other CA is none of those in ca/]],
  ["the list is out of date", async ({ authority }) => ({
    ca: authority.certificate,
    crl: await authority.revoke([], "20200101"),
  }), [/^warning crl: .* should have been replaced at 2020-01-01/]],
  ["a CA has more bytes than its certificate", ({ authority, write }) => {
    const [, base64 = ""] = /-----\n([^-]*)-----END/.exec(
      Deno.readTextFileSync(authority.certificate),
    ) ?? [];
    const more = btoa(`${atob(base64)}\0`);
    return { ca: write(`-----BEGIN CERTIFICATE-----\n${more}\n-----END CERTIFICATE-----\n`) };
  }, [/^error ca: .*: found more behind its end$/]],
  ["a CA has no list", async ({ authority, write }) => ({
    ca: write(
      Deno.readTextFileSync(authority.certificate) +
        Deno.readTextFileSync((await authority.authority("Below")).certificate),
    ),
    crl: await authority.revoke([]),
  }), [/^warning crl: no list of CN=Below in /]],
];

for (const [title, trial, expected] of trials) {
  toolTest(
    ["openssl"],
    `readMaterial() says so when ${title}`,
    () =>
      withAuthority(async (authority) => {
        let files = 0;
        const directory = authority.certificate.replace(/\/[^/]*$/, "");
        const write = (text: string) => {
          const path = `${directory}/written${++files}`;
          Deno.writeTextFileSync(path, text);
          return path;
        };
        const pair = await authority.issue("broker", { names: "DNS:localhost" });
        const other = await authority.issue("other");
        const found = problemsOf({ ...pair, ...await trial({ authority, pair, other, write }) });
        assert.equal(found.length, expected.length, found.join("\n"));
        for (const [at, pattern] of expected.entries()) assert.match(found[at]!, pattern);
      }),
  );
}

/** A CA as editors and scripts write it: [what is odd about it, the text made from what openssl wrote] */
const forms: readonly (readonly [what: string, made: (pem: string) => string])[] = [
  ["has a byte order mark before it", (pem) => `\uFEFF${pem}`],
  ["has no line feed within", (pem) => pem.replaceAll("\n", "")],
  ["has lines that end in CR LF", (pem) => pem.replaceAll("\n", "\r\n")],
  ["has words between", (pem) => `CN=Test CA\n${pem}\n# the same\n`],
];
for (const [what, made] of forms) {
  toolTest(
    ["openssl"],
    `readMaterial() gives a CA as openssl writes it when it ${what}`,
    () =>
      withAuthority(async (authority) => {
        const pair = await authority.issue("broker");
        const ca = Deno.readTextFileSync(authority.certificate);
        const { material } = readMaterial(
          { ...pair, more: [], required: true, ca: "odd" },
          (path) => path === "odd" ? made(ca) : Deno.readTextFileSync(path),
          Date.now(),
        );
        assert.equal(material?.clients?.ca, ca);
        const client = readClientMaterial({ ca: "odd" }, () => made(ca), Date.now());
        assert.equal(client.material?.ca, ca);
      }),
  );
}

const pairs = [
  { names: ["a.example", "localhost"] },
  { names: ["*.b.example"] },
  { names: ["x.b.example"] },
  { names: [] },
];
const choices: readonly [serverName: string, at: number][] = [
  ["a.example", 0],
  ["A.EXAMPLE", 0],
  ["y.b.example", 1],
  ["x.b.example", 2],
  ["b.example", 0],
  ["z.y.b.example", 0],
  ["nobody", 0],
  ["", 0],
];
for (const [serverName, at] of choices) {
  Deno.test(`pairFor() is ${at} when the server name is ${JSON.stringify(serverName)}`, () => {
    assert.equal(pairFor(pairs, serverName), at);
  });
}
