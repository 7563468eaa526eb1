/**
 * A proven identity together with the connection that it was proven on, since rules of access look at
 * both: it stays with the session, so that they can be asked while the client is away. Pure.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import { CERTIFICATE_FIELDS } from "./access_rule.ts";
import { hostOf } from "./ip_address.ts";
import type { CertificateFields, ClientCertificate, ClientId, Identity, Peer } from "./identity.ts";

/** Names of subjectAltName that are kept, and characters of a field: it is kept with the session. */
const MOST_NAMES = 32;
const LONGEST_FIELD = 1_024;

/** The identity as it is on this connection. */
export function connectedAs(
  proven: Identity,
  clientId: ClientId,
  peer: Peer,
  version?: ProtocolVersion,
): Identity {
  const { user, roles, rules } = proven;
  const { listener } = peer;
  const address = hostOf(peer.address) ?? peer.address;
  const certificate = certificateFields(peer.certificate);
  const identity = { user, roles, clientId, address, listener, certificate, version };
  return rules === undefined ? identity : { ...identity, rules };
}

function certificateFields(
  certificate: ClientCertificate | undefined,
): CertificateFields | undefined {
  if (certificate === undefined) return undefined;
  const fields: Record<string, string | readonly string[]> = {};
  for (const name of CERTIFICATE_FIELDS) {
    const value = certificate[name];
    if (typeof value === "string") {
      if (value.length <= LONGEST_FIELD) fields[name] = value;
    } else if (value !== undefined) {
      fields[name] = value.slice(0, MOST_NAMES).filter((one) => one.length <= LONGEST_FIELD);
    }
  }
  return fields;
}
