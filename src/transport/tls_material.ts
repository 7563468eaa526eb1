/**
 * What TLS is made of: certificates, keys, CAs and revocation lists, read from files, and everything that can
 * be said about them before the first client comes.
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import type { Revocations } from "./crl.ts";
import { parseRevocations } from "./crl.ts";
import { readDer } from "./der.ts";
import { nodeCrypto } from "./node_crypto.ts";
import { pemBlocks } from "./pem.ts";
import { factsOf, nameText } from "./x509.ts";

/** A certificate with its chain, and its key: the paths of PEM files. */
export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The files of a listener. */
export interface TlsFiles extends PairFiles {
  /** More certificates, chosen by the server name that a client asks for. */
  readonly more: readonly PairFiles[];
  /** The CAs of client certificates; absent: none is asked for. */
  readonly ca?: string | undefined;
  readonly crl?: string | undefined;
  /** Whether a client must have a certificate, where one is asked for. */
  readonly required: boolean;
}

/** The same, read and found good. */
export interface TlsMaterial {
  /** The first answers clients that ask for no name that any has. */
  readonly pairs: readonly [TlsPair, ...TlsPair[]];
  readonly clients: ClientTrust | undefined;
}

export interface TlsPair {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** The DNS names that it is for, in lower case; a first label `*` stands for any one. */
  readonly names: readonly string[];
}

export interface ClientTrust {
  /** PEM. */
  readonly ca: string;
  readonly required: boolean;
  readonly revocations: Revocations | undefined;
}

/** What is wrong with one of the files. */
export interface TlsProblem {
  /** The key that names it: `certificate`, `sni[0].key`. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
  /** A warning keeps nothing from working. */
  readonly severity: "error" | "warning";
}

/** Bytes of one file at most. */
const LARGEST_FILE = 8 << 20;
/** CAs in one file at most. */
const MOST_AUTHORITIES = 1_024;

/**
 * Reads and checks all files.
 *
 * @param readFile gives the text of a file, or throws an Error that says why not
 * @param now milliseconds since 1970
 * @returns the material unless a problem is an error
 */
export function readMaterial(
  files: TlsFiles,
  readFile: (path: string) => string,
  now: number,
): { readonly material: TlsMaterial | undefined; readonly problems: readonly TlsProblem[] } {
  const problems: TlsProblem[] = [];
  const report = (
    key: string,
    found: string,
    expected: string,
    severity: TlsProblem["severity"] = "error",
  ) => {
    problems.push({ key, found, expected, severity });
  };
  const first = readPair(files, "", { readFile, now, report });
  const more = files.more.map((pair, at) =>
    readPair(pair, `sni[${at}].`, { readFile, now, report })
  );
  const clients = readTrust(files, { readFile, now, report });
  const isWrong = problems.some(({ severity }) => severity === "error");
  const pairs = more.filter((pair) => pair !== undefined);
  const material = isWrong || first === undefined
    ? undefined
    : { pairs: [first, ...pairs] as const, clients };
  return { material, problems };
}

/** What a client of another server has: all of it may be absent. */
export interface ClientFiles {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** The same, read and found good: PEM. */
export interface ClientMaterial {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/**
 * Reads and checks the files with which this program is a client of another server.
 *
 * @param readFile gives the text of a file, or throws an Error that says why not
 * @param now milliseconds since 1970
 * @returns the material unless a problem is an error
 */
export function readClientMaterial(
  { ca, certificate, key }: ClientFiles,
  readFile: (path: string) => string,
  now: number,
): { readonly material: ClientMaterial | undefined; readonly problems: readonly TlsProblem[] } {
  const problems: TlsProblem[] = [];
  const reading: Reading = {
    readFile,
    now,
    report(key, found, expected, severity = "error") {
      problems.push({ key, found, expected, severity });
    },
  };
  const pair = certificate === undefined || key === undefined
    ? undefined
    : readPair({ certificate, key }, "", reading);
  const text = ca === undefined ? undefined : textOf(ca, "ca", reading);
  const authorities = ca === undefined || text === undefined
    ? undefined
    : certificatesOf(text, ca, "ca", reading);
  const isWrong = problems.some(({ severity }) => severity === "error");
  const material = {
    ca: authorities && writtenAnew(authorities),
    certificate: pair?.certificate,
    key: pair?.key,
  };
  return { material: isWrong ? undefined : material, problems };
}

interface Reading {
  readonly readFile: (path: string) => string;
  readonly now: number;
  readonly report: (
    key: string,
    found: string,
    expected: string,
    severity?: TlsProblem["severity"],
  ) => void;
}

function readPair(files: PairFiles, prefix: string, reading: Reading): TlsPair | undefined {
  const { report } = reading;
  const certificate = textOf(files.certificate, `${prefix}certificate`, reading);
  const key = textOf(files.key, `${prefix}key`, reading);
  const chain = certificate === undefined
    ? undefined
    : certificatesOf(certificate, files.certificate, `${prefix}certificate`, reading);
  const secret = key === undefined ? undefined : keyOf(key, files.key, `${prefix}key`, report);
  const leaf = chain?.[0];
  if (certificate === undefined || key === undefined || !leaf || secret === undefined) return;
  if (!leaf.checkPrivateKey(secret)) {
    report(
      `${prefix}key`,
      `a key in ${files.key} that does not match the first certificate in ${files.certificate}`,
      "the private key that this certificate was made for",
    );
    return;
  }
  const refusal = tryOut(certificate, key);
  if (refusal !== undefined) {
    report(`${prefix}certificate`, `${files.certificate}: ${refusal}`, "what TLS can serve with");
    return;
  }
  const { sanDns } = factsOf(leaf.raw);
  return { certificate, key, names: sanDns.map((name) => name.toLowerCase()) };
}

/** Why the system's TLS does not take a pair: it knows kinds of keys that it has no use for. */
function tryOut(cert: string, key: string): string | undefined {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.AddrNotAvailable ? undefined : messageOf(error);
  }
}

function readTrust(files: TlsFiles, reading: Reading): ClientTrust | undefined {
  const { report, now } = reading;
  if (files.ca === undefined) {
    if (files.crl !== undefined) {
      report("crl", `${files.crl} without ca`, "ca too: the CAs whose clients the list is about");
    }
    return undefined;
  }
  const ca = textOf(files.ca, "ca", reading);
  const authorities = ca === undefined ? undefined : certificatesOf(ca, files.ca, "ca", reading);
  const text = files.crl === undefined ? undefined : textOf(files.crl, "crl", reading);
  if (ca === undefined || authorities === undefined) return undefined;
  let revocations: Revocations | undefined;
  if (text !== undefined) {
    try {
      revocations = parseRevocations(text, authorities);
    } catch (error) {
      report("crl", `${files.crl}: ${messageOf(error)}`, "lists in PEM, signed by CAs of ca");
      return undefined;
    }
    if (revocations.nextUpdate < now) {
      report(
        "crl",
        `${files.crl} should have been replaced at ${dateOf(revocations.nextUpdate)}`,
        "a list that is up to date; it is used as it is",
        "warning",
      );
    }
    for (const { raw } of authorities) {
      const { subject } = factsOf(raw);
      if (revocations.covers(subject)) continue;
      const found = `no list of ${nameText(subject)} in ${files.crl}`;
      report("crl", found, "a list of each CA; its clients are taken as they are", "warning");
    }
  }
  return { ca: writtenAnew(authorities), required: files.required, revocations };
}

/**
 * As all who read PEM read it: they pass over a certificate in silence that has a byte order mark before it or no line
 * feed within, and then know no client of that CA.
 */
function writtenAnew(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join("");
}

function textOf(path: string, key: string, { readFile, report }: Reading): string | undefined {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    report(key, `${path}: ${messageOf(error)}`, "a file that can be read");
    return undefined;
  }
  if (text.length <= LARGEST_FILE) return text;
  report(key, `${path}: ${text.length} characters`, `a file of at most ${LARGEST_FILE}`);
  return undefined;
}

function certificatesOf(
  text: string,
  path: string,
  key: string,
  { report, now }: Reading,
): X509Certificate[] | undefined {
  const expected = "certificates in PEM, -----BEGIN CERTIFICATE-----";
  let certificates: X509Certificate[];
  try {
    certificates = pemBlocks(text, "CERTIFICATE").map((block) => {
      factsOf(block);
      if (readDer(block).bytes.length < block.length) throw new Error("found more behind its end");
      return new (nodeCrypto().X509Certificate)(block);
    });
  } catch (error) {
    report(key, `${path}: ${messageOf(error)}`, expected);
    return undefined;
  }
  if (certificates.length === 0 || certificates.length > MOST_AUTHORITIES) {
    report(key, `${certificates.length} certificates in ${path}`, expected);
    return undefined;
  }
  for (const { raw } of certificates) {
    const { notBefore, notAfter, subject } = factsOf(raw);
    if (notBefore <= now && now <= notAfter) continue;
    const what = now > notAfter
      ? `expired at ${dateOf(notAfter)}`
      : `is not valid before ${dateOf(notBefore)}`;
    const found = `${nameText(subject)} in ${path}, which ${what}`;
    report(key, found, "a certificate that is valid today", "warning");
  }
  return certificates;
}

function keyOf(
  text: string,
  path: string,
  key: string,
  report: Reading["report"],
): KeyObject | undefined {
  const expected = "a private key in PEM without a passphrase, -----BEGIN PRIVATE KEY-----";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text)) {
    report(key, `a key with a passphrase in ${path}`, expected);
    return undefined;
  }
  if (!/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/.test(text)) {
    report(key, `no private key in ${path}`, expected);
    return undefined;
  }
  try {
    return nodeCrypto().createPrivateKey(text);
  } catch (error) {
    report(key, `${path}: ${messageOf(error)}`, expected);
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function dateOf(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : "never";
}
