/**
 * Who a client is, as far as it has been proven, and where it comes from. Values only: how the proof
 * was made is a matter of `authentication/`.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import type { AccessRule } from "./access_rule.ts";

/** 1 to 65,535 bytes of UTF-8 without U+0000 [MQTT-3.1.3-4]. */
export type ClientId = string;

/** One run of one broker in a cluster: never used again, not even by the same machine. */
export type NodeId = string;

/** Numbered from 1 in the order of arrival; never used again. */
export type ConnectionId = number;

/** Milliseconds: the wall clock at start plus the monotonic time since, so it never falls or jumps. */
export type Instant = number;

export type Seconds = number;

/** Session Expiry Interval that stands for "does not expire", section 3.1.2.11.2. */
export const NEVER_EXPIRES: Seconds = 0xffffffff;

/** The far end of a Network Connection and the listener that took it. */
export interface Peer {
  /** `127.0.0.1:50123`, or the path of a Unix socket. */
  readonly address: string;
  /** The listener's name in the configuration. */
  readonly listener: string;
  /** The listener lets in clients that give no credentials. */
  readonly anonymousAllowed: boolean;
  /** The client's certificate, which has been verified; absent where it showed none. */
  readonly certificate?: ClientCertificate | undefined;
  /** What of the certificate is the user name on this listener; absent: nothing of it. */
  readonly certificateUse?: CertificateUse | undefined;
}

/** A client's certificate: RFC 5280. */
export interface ClientCertificate {
  /** The Common Name of the subject, where it has exactly one. */
  readonly cn?: string;
  /** Both as in RFC 4514: `CN=pump-7,O=Plant,C=DE`. */
  readonly subject: string;
  readonly issuer: string;
  /** In hexadecimal digits: `1F00A2`. */
  readonly serial: string;
  /** SHA-256 of the certificate: `85:AD:36:…`. */
  readonly fingerprint: string;
  /** The DNS names and URIs of subjectAltName. */
  readonly sanDns: readonly string[];
  readonly sanUri: readonly string[];
}

/** The part of a certificate that is a user name. */
export type CertificateUse = "commonName" | "subject" | "sanUri" | "sanDns";

/** A proven identity. `user` is undefined for an anonymous client, whatever user name it sent. */
export interface Identity {
  readonly user: string | undefined;
  readonly roles: readonly string[];
  /** Of the connection that it was proven on, for the rules of access: see connected_as.ts. */
  readonly clientId?: ClientId | undefined;
  /** Without the port. */
  readonly address?: string | undefined;
  readonly listener?: string | undefined;
  readonly certificate?: CertificateFields | undefined;
  /** The version of MQTT that it spoke last. */
  readonly version?: ProtocolVersion | undefined;
  /** Rules that came with the proof: for this client alone, and asked before those of the configuration. */
  readonly rules?: readonly AccessRule[] | undefined;
}

/** What stands in a client's certificate, by short names such as `cn`; several values are a list. */
export type CertificateFields = Readonly<Record<string, string | readonly string[]>>;

export const ANONYMOUS: Identity = { user: undefined, roles: [] };

/** The broker's own services: nobody can log in as it. */
export const BROKER: Identity = { user: "$broker", roles: ["$broker"] };

/** What a client offers as proof: in CONNECT, or in AUTH as a further step of it. */
export interface Credentials {
  readonly clientId: ClientId;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Uint8Array | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly peer: Peer;
}

/** What the proof came to. Data is Authentication Data for the client, where it named a method. */
export type Verdict =
  | {
    readonly type: "accepted";
    readonly identity: Identity;
    readonly data?: Uint8Array | undefined;
    /** When the proof is worth nothing any more, and the connection ends with it; absent: never. */
    readonly expiresAt?: Instant | undefined;
  }
  /** The method of an enhanced authentication needs another step of the client, section 4.12. */
  | { readonly type: "continue"; readonly data: Uint8Array | undefined }
  /** `reason` is a Reason Code of CONNACK; `detail` is for the log alone. */
  | {
    readonly type: "refused";
    readonly reason: number;
    readonly detail: string;
    /** Words for the client; without them it is told no more than the name of the Reason Code. */
    readonly told?: string | undefined;
  };

/** Whether two identities are the same owner of a session. */
export function sameOwner(a: Identity, b: Identity): boolean {
  return a.user === b.user;
}

/** The words for an identity in logs and errors. */
export function ownerName(identity: Identity): string {
  return identity.user === undefined ? "anonymous" : `user "${identity.user}"`;
}
