/**
 * The parts of the section `authentication` that say how clients are known: password file, tokens, another
 * server. Shapes and words; rules between keys are in config_authentication_rules.ts.
 */

import * as z from "zod";
import { publicAlgorithms, secretAlgorithms } from "../authentication/jwt_keys.ts";

const path = z.string().min(1).max(4_096);
const name = z.string().min(1).max(256);
const roles = z.array(z.string().min(1).max(64).regex(/^[^$]/)).max(100);
const authorities = path.optional().describe(
  "A file of certificates in PEM of authorities that are trusted besides those of the system.",
);

export const passwordFileSchema = z.strictObject({
  file: path.describe(
    "A file as mosquitto_passwd and `dunlin passwd` keep it. What changes in it holds within seconds.",
  ),
  roles: z.array(z.strictObject({
    user: z.string().min(1).max(1_024).describe("The user name."),
    roles: roles.describe("The roles of the user."),
  })).max(10_000).default([]).describe("The roles of users of the file."),
  remember: z.int().min(0).max(86_400).default(300).describe(
    "In seconds: how long a right password is remembered, so that it is not hashed again; 0: not.",
  ),
});

export const jwtSchema = z.strictObject({
  secret: z.string().min(32).max(4_096).optional().describe(
    "What tokens are signed with by HS256, HS384 or HS512: at least 32 characters.",
  ),
  publicKeyFile: path.optional().describe(
    "A file with the public key or the certificate of who signs tokens, in PEM; watched.",
  ),
  jwksFile: path.optional().describe("A file with a JSON Web Key Set; watched."),
  jwksUrl: z.string().max(2_048).regex(/^https?:\/\/[^\s/$]+/).optional().meta({
    description: "The URL of a JSON Web Key Set.",
    examples: ["https://login.example.com/.well-known/jwks.json"],
  }),
  jwksCache: z.int().min(1).max(86_400).default(600).describe(
    "In seconds: how long the keys of the URL are good for.",
  ),
  jwksCooldown: z.int().min(1).max(3_600).default(30).describe(
    "In seconds: how soon they are asked for again on account of a key that is not among them.",
  ),
  authorityFile: authorities,
  algorithms: z.array(z.enum([...secretAlgorithms, ...publicAlgorithms])).min(1).max(20).optional()
    .describe(
      "What tokens may be signed with. Default: HS256 with a secret; RS256, PS256, ES256 and EdDSA " +
        "with public keys.",
    ),
  issuers: z.array(name).max(100).default([]).describe(
    "One of them has to be the claim iss. Default: it is not looked at.",
  ),
  audiences: z.array(name).max(100).default([]).describe(
    "One of them has to be in the claim aud. Default: it is not looked at.",
  ),
  clockTolerance: z.int().min(0).max(600).default(30).describe(
    "In seconds: how much the clocks may differ.",
  ),
  requireExpiry: z.boolean().default(true).describe(
    "Whether a token without the claim exp is refused. A connection ends when its token does.",
  ),
  from: z.enum(["password", "username"]).default("password").describe("Where the token stands."),
  userClaim: name.default("sub").describe("The claim that is the user name, or a path with dots."),
  rolesClaim: name.default("roles").describe(
    "The claim with the roles, or a path with dots: a list, or text with blanks between them.",
  ),
  accessClaim: name.default("acl").describe(
    "The claim, or a path with dots, with rules of access for this client alone, as in `access`.",
  ),
  clientIdClaim: name.optional().describe(
    "A claim that has to be the client identifier. Default: it may be any.",
  ),
});

export const httpSchema = z.strictObject({
  url: z.string().max(2_048).regex(/^https?:\/\/[^\s/$]+/).meta({
    description: "The URL that is asked; ${username} and the like may stand behind the host.",
    examples: ["https://auth.example.com/mqtt"],
  }),
  method: z.enum(["POST", "GET"]).default("POST").describe("How it is asked."),
  format: z.enum(["json", "form"]).default("json").describe("How the body of a POST is written."),
  headers: z.array(z.strictObject({
    name: z.string().max(128).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/).meta({
      description: "The name of the header.",
      examples: ["Authorization"],
    }),
    value: z.string().max(4_096).describe("Its value."),
  })).max(50).default([]).describe("Headers that are sent with it."),
  body: z.array(z.strictObject({
    name: name.describe("The name of the field."),
    value: z.string().max(4_096).describe(
      "Its value: ${username}, ${password}, ${clientid}, ${address} and ${listener} stand for those of " +
        "the client.",
    ),
  })).max(50).default([
    { name: "username", value: "${username}" },
    { name: "password", value: "${password}" },
    { name: "clientid", value: "${clientid}" },
    { name: "address", value: "${address}" },
  ]).describe("The fields of a POST."),
  authorityFile: authorities,
  onFailure: z.enum(["refuse", "ignore"]).default("refuse").describe(
    "What happens while it cannot be asked: clients are refused, or left to the next of the order.",
  ),
  cache: z.int().min(0).max(86_400).default(60).describe(
    "In seconds: how long a yes is good for; 0: not.",
  ),
  negativeCache: z.int().min(0).max(3_600).default(10).describe(
    "In seconds: how long a no is good for; 0: not.",
  ),
});

/** The ways to know a client, in the order in which they are asked. */
export const verifierNames = ["jwt", "passwordFile", "http"] as const;

export const orderSchema = z.array(z.enum(verifierNames)).max(verifierNames.length)
  .optional().describe(
    "The order in which those that are configured are asked; the first that knows the client " +
      `decides. Default: ${verifierNames.join(", ")}.`,
  );

export type PasswordFileConfig = z.output<typeof passwordFileSchema>;
export type JwtConfig = z.output<typeof jwtSchema>;
export type HttpConfig = z.output<typeof httpSchema>;
