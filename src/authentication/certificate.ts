/**
 * Clients that are known by their certificate: it was verified with TLS, so it only has to be said what of it
 * is the user name.
 */

import { Reason } from "../packet/reason_code.ts";
import type { CertificateUse, Identity, Peer } from "../policy/identity.ts";
import { BROKER } from "../policy/identity.ts";
import type { Authenticator } from "./authenticator.ts";

/** Bytes of a user name in MQTT. */
const LONGEST_NAME = 65_535;

/** The identity that a certificate proves, or why it proves none. */
export function certificateIdentity({ certificate }: Peer, use: CertificateUse): Identity | string {
  if (certificate === undefined) return "there is no client certificate";
  const names = {
    commonName: certificate.cn === undefined ? [] : [certificate.cn],
    subject: [certificate.subject],
    sanUri: certificate.sanUri,
    sanDns: certificate.sanDns,
  }[use];
  const [user] = names;
  if (user === undefined || names.length > 1) {
    return `the client certificate has not exactly one ${use}`;
  }
  const size = new TextEncoder().encode(user).length;
  if (size === 0 || size > LONGEST_NAME || user.includes("\0") || user === BROKER.user) {
    return `the ${use} of the client certificate is not fit for a user name`;
  }
  return { user, roles: [] };
}

/**
 * The same authenticator, but for clients that show a certificate on a listener with `use`: their certificate
 * alone decides who they are.
 */
export function withCertificates(plain: Authenticator): Authenticator {
  return {
    verify(credentials) {
      const { certificate, certificateUse } = credentials.peer;
      if (certificate === undefined || certificateUse === undefined) {
        return plain.verify(credentials);
      }
      const identity = certificateIdentity(credentials.peer, certificateUse);
      if (typeof identity !== "string") return { type: "accepted", identity };
      return { type: "refused", reason: Reason.notAuthorized, detail: identity };
    },
    begin: (credentials) => plain.begin?.(credentials),
    close: () => plain.close?.(),
  };
}
