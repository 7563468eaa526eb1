/**
 * What stands in an X.509 certificate, RFC 5280 section 4.1, read from its DER: the printed forms of others
 * leave open where a name ends and the next begins. Nothing is verified here.
 */

import type { ClientCertificate } from "../policy/identity.ts";
import type { Der } from "./der.ts";
import { dottedOf, hexOf, partsOf, readDer, stringOf, Tag, timeOf } from "./der.ts";
import { nodeCrypto } from "./node_crypto.ts";

export interface CertificateFacts {
  /** In hexadecimal digits, as `openssl x509 -serial` prints it. */
  readonly serial: string;
  /** The DER of both names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Of the subject. One that is not readable text is undefined. */
  readonly commonNames: readonly (string | undefined)[];
  readonly sanDns: readonly string[];
  readonly sanUri: readonly string[];
}

/** Reads a certificate. Throws an Error where it is none. */
export function factsOf(certificate: Uint8Array): CertificateFacts {
  const [toBeSigned] = partsOf(readDer(certificate), Tag.sequence);
  const all = partsOf(toBeSigned, Tag.sequence);
  // The version comes first unless it is 1.
  const [serial, , issuer, validity, subject, , ...rest] = all[0]?.tag === 0xa0
    ? all.slice(1)
    : all;
  const [notBefore, notAfter] = partsOf(validity, Tag.sequence);
  const names = alternativeNames(rest.find((one) => one.tag === 0xa3));
  return {
    serial: hexOf(serial),
    issuer: issuer!.bytes,
    subject: subject!.bytes,
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    commonNames: attributesOf(subject!).flat()
      .filter(({ type }) => type === "2.5.4.3").map(({ value }) => stringOf(value)),
    sanDns: names.filter(({ tag }) => tag === 0x82).map(ia5),
    sanUri: names.filter(({ tag }) => tag === 0x86).map(ia5),
  };
}

/** What others are told of a client's certificate. */
export function clientCertificate(certificate: Uint8Array): ClientCertificate {
  const { commonNames, subject, issuer, serial, sanDns, sanUri } = factsOf(certificate);
  const digest = nodeCrypto().createHash("sha256").update(certificate).digest();
  // Which of several names is meant cannot be told.
  const cn = commonNames.length === 1 ? commonNames[0] : undefined;
  return {
    ...(cn === undefined ? {} : { cn }),
    subject: nameText(subject),
    issuer: nameText(issuer),
    serial,
    fingerprint: Array.from(digest, hex).join(":"),
    sanDns,
    sanUri,
  };
}

/** A name as text, RFC 4514: `CN=pump-7,O=Plant,C=DE`. */
export function nameText(name: Uint8Array): string {
  return attributesOf(readDer(name)).reverse().map((relative) =>
    relative.map(({ type, value }) => {
      const short = SHORT_NAMES[type];
      const text = short === undefined ? undefined : stringOf(value);
      if (text !== undefined) return `${short}=${escaped(text)}`;
      return `${short ?? type}=#${Array.from(value.bytes, hex).join("").toLowerCase()}`;
    }).join("+")
  ).join(",");
}

/** Names by their object identifiers: those of RFC 4514 section 3, and some more that OpenSSL writes. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** RFC 4514 section 2.4. */
function escaped(text: string): string {
  return text.replace(/["+,;<>\\]|^[ #]| $/g, (letter) => `\\${letter}`)
    // deno-lint-ignore no-control-regex -- which have no place in a name, and may stand there
    .replace(/[\u0000-\u001f\u007f]/g, (letter) => `\\${hex(letter.charCodeAt(0))}`);
}

interface Attribute {
  readonly type: string;
  readonly value: Der;
}

function attributesOf(name: Der): Attribute[][] {
  return partsOf(name, Tag.sequence).map((relative) =>
    partsOf(relative, Tag.set).map((attribute) => {
      const [type, value] = partsOf(attribute, Tag.sequence);
      if (value === undefined) throw new Error("an attribute of a name has no value");
      return { type: dottedOf(type), value };
    })
  );
}

/** The general names of subjectAltName, RFC 5280 section 4.2.1.6. */
function alternativeNames(extensions: Der | undefined): Der[] {
  if (extensions === undefined) return [];
  for (const extension of partsOf(readDer(extensions.content), Tag.sequence)) {
    const parts = partsOf(extension, Tag.sequence);
    if (dottedOf(parts[0]) !== "2.5.29.17") continue;
    return partsOf(readDer(parts.at(-1)!.content), Tag.sequence);
  }
  return [];
}

function ia5({ content }: Der): string {
  const text = stringOf({ tag: Tag.ia5String, bytes: content, content });
  if (text === undefined) throw new Error("a name of the certificate is no ASCII");
  return text;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
