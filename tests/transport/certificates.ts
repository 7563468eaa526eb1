/**
 * Certificates for tests, made by the openssl of the machine: authorities, what they issue, what they revoke.
 */

import assert from "node:assert/strict";
import { tool } from "../end_to_end/tools.ts";
import { runProgram } from "../run_program.ts";

/** The paths of a certificate and its key, in PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  /** As openssl takes it: `/C=DE/O=Plant/CN=pump`. Default: the name as CN. */
  readonly subject?: string;
  /** As in a configuration of openssl: `DNS:a,URI:b`. */
  readonly names?: string;
  /** More lines of extensions. */
  readonly extensions?: readonly string[];
  /** The first and the last day, `20200101`. Default: yesterday and in a month. */
  readonly from?: string;
  readonly until?: string;
  /** Version 1 has no extensions. Default: 3. */
  readonly version?: 1 | 3;
}

/** An authority in a directory of its own. */
export interface Authority extends Pair {
  /** A certificate from it, in files of that name. */
  issue(name: string, options?: IssueOptions): Promise<Pair>;
  /** An authority below it. */
  authority(name: string): Promise<Authority>;
  /** Its list with those revoked, and all that were before; up to date until then (`20200101`). */
  revoke(pairs: readonly Pair[], until?: string): Promise<string>;
}

/** Runs openssl; what it prints. */
export async function openssl(args: readonly string[], input = ""): Promise<string> {
  const { status, out, err } = await runProgram(tool("openssl")!, args, { input });
  assert.equal(status, 0, `openssl ${args.join(" ")}:\n${err}`);
  return out;
}

/** Runs a test with an authority in a directory that is removed behind it. */
export async function withAuthority(test: (authority: Authority) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-certificates-" });
  try {
    await test(await rootAuthority(directory, "Test CA"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** An authority that has issued its own certificate. */
export async function rootAuthority(parent: string, name: string): Promise<Authority> {
  const directory = await newDirectory(parent);
  const pair = { certificate: `${directory}/ca.pem`, key: `${directory}/ca.key` };
  await openssl([
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", pair.key, "-out", pair.certificate, "-days", "30", "-subj", `/CN=${name}`],
  ]);
  return await authorityIn(directory, pair);
}

async function authorityIn(directory: string, pair: Pair): Promise<Authority> {
  const config = `${directory}/ca.cnf`;
  await Deno.writeTextFile(`${directory}/index.txt`, "");
  await Deno.writeTextFile(`${directory}/crlnumber`, "01");
  await Deno.writeTextFile(config, configOf(directory, pair));
  let lists = 0;
  const issue = async (name: string, options: IssueOptions = {}): Promise<Pair> => {
    const base = `${directory}/${name.replace(/\W/g, "_")}`;
    const made = { certificate: `${base}.pem`, key: `${base}.key` };
    await openssl([
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8"],
      ...["-keyout", made.key, "-out", `${base}.csr`],
      ...["-subj", options.subject ?? `/CN=${name}`],
    ]);
    await Deno.writeTextFile(`${base}.ext`, extensionsOf(options));
    await openssl([
      ...["ca", "-batch", "-notext", "-config", config, "-in", `${base}.csr`],
      ...["-out", made.certificate],
      ...["-startdate", `${options.from ?? day(-1)}000000Z`],
      ...["-enddate", `${options.until ?? day(30)}000000Z`],
      ...(options.version === 1 ? [] : ["-extfile", `${base}.ext`]),
    ]);
    return made;
  };
  return {
    ...pair,
    issue,
    async authority(name) {
      const made = await issue(name, {
        extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"],
      });
      return await authorityIn(await newDirectory(directory), made);
    },
    async revoke(pairs, until) {
      for (const { certificate } of pairs) {
        await openssl(["ca", "-config", config, "-revoke", certificate]);
      }
      const list = `${directory}/list${++lists}.crl`;
      const times = until === undefined
        ? ["-crldays", "30"]
        : ["-crl_lastupdate", "20190101000000Z", "-crl_nextupdate", `${until}000000Z`];
      await openssl(["ca", "-config", config, "-gencrl", "-out", list, ...times]);
      return list;
    },
  };
}

function configOf(directory: string, { certificate, key }: Pair): string {
  const parts = [
    ["C", "countryName"],
    ["O", "organizationName"],
    ["OU", "organizationalUnitName"],
    ["CN", "commonName"],
    ["E", "emailAddress"],
  ];
  return [
    "[ca]",
    "default_ca=d",
    "[d]",
    `database=${directory}/index.txt`,
    `crlnumber=${directory}/crlnumber`,
    "rand_serial=yes",
    `new_certs_dir=${directory}`,
    "default_md=sha256",
    `private_key=${key}`,
    `certificate=${certificate}`,
    "policy=p",
    "preserve=yes",
    "unique_subject=no",
    "[p]",
    ...parts.map(([, name]) => `${name}=optional`),
    "",
  ].join("\n");
}

function extensionsOf({ names, extensions = ["basicConstraints=CA:FALSE"] }: IssueOptions): string {
  return [...extensions, ...(names === undefined ? [] : [`subjectAltName=${names}`]), ""].join(
    "\n",
  );
}

/** A day from now, `20261123`. */
function day(offset: number): string {
  return new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
}

async function newDirectory(parent: string): Promise<string> {
  return await Deno.makeTempDir({ dir: parent });
}
