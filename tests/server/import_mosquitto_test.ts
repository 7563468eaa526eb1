/** mosquitto.conf to configuration: what each directive becomes, and what is said of those without counterpart. */

import assert from "node:assert/strict";
import { loadConfig } from "../../src/server/config.ts";
import { importMosquitto } from "../../src/server/import_mosquitto.ts";
import { noteText } from "../../src/server/mosquitto_note.ts";

const HASH = "$7$101$AAAAAAAAAAAAAAAA$" + "A".repeat(86) + "==";

/** The result and the notes; the result has been found good. */
function imported(conf: string, files: Readonly<Record<string, string>> = {}) {
  const all: Readonly<Record<string, string>> = {
    "m.conf": conf,
    pw: `ada:${HASH}\n`,
    ds: "{}",
    ...files,
  };
  const { config, notes } = importMosquitto("m.conf", {
    readFile(path) {
      const text = all[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    listFiles: (path) =>
      Object.keys(all).filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1)),
  });
  if (config !== undefined) {
    const { problems } = loadConfig({
      env: () => undefined,
      readFile: () => assert.fail("no file is to be read"),
      text: JSON.stringify(config),
    });
    assert.deepEqual(problems.filter(({ severity }) => severity === "error"), []);
  }
  // deno-lint-ignore no-explicit-any -- a test looks where it likes
  return { config: config as any, notes: notes.map(noteText) };
}

const L = "listener 1883 127.0.0.1\n";
const DYNAMIC = "plugin /usr/lib/mosquitto_dynamic_security.so\n";
const TLS = `${L}certfile c\nkeyfile k\n`;

type Row = [conf: string, path: string, value: unknown];

const rows: readonly Row[] = [
  ["", "listeners", [{
    type: "tcp",
    address: "127.0.0.1",
    port: 1883,
    name: "port-1883",
    allowAnonymous: true,
  }]],
  ["port 1884", "listeners.0", {
    type: "tcp",
    address: "0.0.0.0",
    port: 1884,
    name: "port-1884",
    allowAnonymous: false,
  }],
  ["port 1884\nbind_address 10.0.0.1", "listeners.0.address", "10.0.0.1"],
  ["listener 1883", "listeners.0.address", "0.0.0.0"],
  ["listener 1883", "listeners.0.allowAnonymous", false],
  ["listener 1883\nsocket_domain ipv6", "listeners.0.address", "::"],
  ["listener 1883 10.0.0.1\nbind_interface eth0", "listeners.0.address", "127.0.0.1"],
  ["listener 0 /run/m q.sock", "listeners.0.path", "/run/m q.sock"],
  ["listener 1883 10.0.0.2\nlistener 1883 10.0.0.1", "listeners.1.name", "port-1883-2"],
  [`allow_anonymous true\n${L}`, "listeners.0.allowAnonymous", true],
  [`${L}allow_anonymous true\nlistener 1 ::1`, "listeners.1.allowAnonymous", true],
  [
    `per_listener_settings true\n${L}allow_anonymous true\nlistener 1 ::1`,
    "listeners.1.allowAnonymous",
    false,
  ],
  [
    `per_listener_settings 1\n${L}allow_anonymous false\nlistener 1 ::1\nallow_anonymous true`,
    "listeners.0.allowAnonymous",
    false,
  ],
  [`${L}listener_allow_anonymous true`, "listeners.0.allowAnonymous", true],
  [`allow_anonymous true\n${L}use_username_as_clientid true`, "listeners.0.allowAnonymous", false],
  [`${L}max_connections 7`, "listeners.0.maximumConnections", 7],
  [`${L}max_connections -1`, "listeners.0.maximumConnections", undefined],
  [`${L}max_topic_alias 0`, "listeners.0.limits.topicAliasMaximum", 0],
  [`${L}max_topic_alias_broker 3`, "listeners.0.limits.outgoingTopicAliases", 3],
  [`${L}mount_point a/b/`, "listeners.0.mountPoint", "a/b/"],
  [`${L}mount_point a`, "listeners.0.mountPoint", "a/"],
  [`${L}accept_protocol_versions 4,5`, "listeners.0.versions", ["3.1.1", "5.0"]],
  [`${L}enable_proxy_protocol 2`, "listeners.0.proxyProtocol", { trusted: ["127.0.0.1"] }],
  [`${L}protocol websockets`, "listeners.0.origins", ["*"]],
  [`${L}protocol websockets\nwebsockets_origin https://a`, "listeners.0.origins", ["https://a"]],
  [`${TLS}protocol websockets`, "listeners.0.tls", { certificate: "c", key: "k" }],
  [TLS, "listeners.0.type", "tls"],
  [`${TLS}cafile a`, "listeners.0.ca", undefined], // clients are asked for no certificate
  [`${TLS}cafile a\nrequire_certificate true\ncrlfile r`, "listeners.0.crl", "r"],
  [`${TLS}cafile a\nrequire_certificate true`, "listeners.0.requestCert", "required"],
  [
    `${TLS}cafile a\nrequire_certificate true\nuse_subject_as_username true`,
    "listeners.0.use",
    "subject",
  ],
  [`${TLS}cafile a\nuse_identity_as_username true`, "listeners.0.requestCert", "required"],
  ["persistence true", "store", "denoKv"],
  ["persistence false", "store", "memory"],
  ["", "store", "memory"],
  [
    "persistence true\npersistence_location /var/lib/mosquitto/",
    "data",
    "/var/lib/mosquitto/dunlin",
  ],
  ["queue_qos0_messages true", "queueQos0", true],
  ["sys_interval 0", "sysInterval", 0],
  ["max_inflight_messages 20", "limits.sendWindow", 20],
  ["max_inflight_messages 0", "limits.sendWindow", 65_535],
  ["max_inflight_bytes 1000", "limits.sendWindowBytes", 1000],
  ["max_queued_messages 5", "limits.queuedMessagesPerSession", 5],
  ["max_queued_messages 0", "limits.queuedMessagesPerSession", 10_000_000],
  ["max_queued_bytes 5", "limits.queuedBytesPerSession", 5],
  ["max_keepalive 60", "limits.maximumKeepAlive", 60],
  ["max_packet_size 5000", "limits.maximumPacketSize", 5000],
  ["message_size_limit 4000\nmax_packet_size 5000", "limits.maximumPacketSize", 4000],
  ["message_size_limit 0", "limits.maximumPacketSize", undefined],
  ["persistent_client_expiration 14d", "limits.maximumSessionExpiryInterval", 1_209_600],
  ["global_max_connections 9", "limits.maximumConnections", 9],
  ["log_type error\nlog_type warning", "log.level", "warn"],
  ["log_type all", "log.level", "debug"],
  ["password_file pw", "authentication.passwordFile.file", "pw"],
  ["", "access", []],
  ["retain_available false", "access", [
    { name: "retain_available", permission: "deny", action: "publish", retain: true },
    { name: "no acl_file", permission: "allow" },
  ]],
  [`${L}max_qos 0`, "access.0", {
    name: "max_qos",
    permission: "deny",
    who: { listener: "port-1883" },
    action: "publish",
    qos: [1, 2],
  }],
  ["clientid_prefixes dev-", "access.0.who", { clientId: "dev-*" }],
  ["clientid_prefixes dev-", "access.1.permission", "deny"],
  ["clientid_prefixes a*", "access.0.permission", "deny"],
  ["allow_zero_length_clientid false", "access.0.who", { clientId: "dunlin-*" }],
  ["plugin /usr/lib/x.so", "access.0", {
    name: "plugin, line 1",
    permission: "deny",
    action: "connect",
  }],
  ["plugin /usr/lib/mosquitto_dynamic_security.so", "access.0.action", "connect"],
  [
    "global_plugin mosquitto_password_file.so\nplugin_opt_password_file pw",
    "authentication.passwordFile.file",
    "pw",
  ],
  [`${DYNAMIC}plugin_opt_config_file ds`, "dynamicSecurity", { importFile: "ds" }],
  [`${DYNAMIC}plugin_opt_config_file ds`, "access", []],
  [`${DYNAMIC}plugin_opt_config_file ds\npassword_file pw`, "dynamicSecurity", undefined],
  [`${DYNAMIC}plugin_opt_config_file ds\npassword_file pw`, "access.0.action", "connect"],
  ["global_plugin mosquitto_persist_sqlite.so", "access", []],
  [
    "per_listener_settings true\nlistener 1 ::1\npassword_file pw\nlistener 2 ::1",
    "listeners.1.authentication",
    {},
  ],
  [
    "per_listener_settings true\nlistener 1 ::1\npassword_file pw",
    "listeners.0.authentication.passwordFile.file",
    "pw",
  ],
  ["persistence true\npersistence_location /a${HOME}", "data", "/a$${HOME}/dunlin"],
];

Deno.test("importMosquitto() makes of each directive what it is here", async (t) => {
  for (const [conf, path, value] of rows) {
    await t.step(`${JSON.stringify(conf)}: ${path}`, () => {
      const { config, notes } = imported(conf);
      assert.ok(config !== undefined, notes.join("\n"));
      // deno-lint-ignore no-explicit-any -- a path into what it likes
      const found = path.split(".").reduce<any>((value, key) => value?.[key], config);
      assert.deepEqual(found, value);
    });
  }
});

/** Directives of Mosquitto 2.0 and 2.1 that keep nobody out and have no counterpart. */
const aside = [
  ..."autosave_interval autosave_on_changes auto_id_prefix check_retain_source connection_messages"
    .split(" "),
  ..."log_dest log_facility log_timestamp log_timestamp_format memory_limit persistence_file pid_file"
    .split(" "),
  ..."psk_file set_tcp_nodelay upgrade_outgoing_qos user websockets_headers_size".split(" "),
  ..."websockets_log_level allow_duplicate_messages packet_buffer_size enable_control_api".split(
    " ",
  ),
  ..."retain_expiry_interval connection http_dir dhparamfile ciphers ciphers_tls1.3 tls_keyform"
    .split(" "),
];

Deno.test("importMosquitto() lists what has no counterpart, each with its line", () => {
  for (const name of aside) {
    const { notes } = imported(`# first\n${L}${name} 1`);
    assert.ok(
      notes.some((text) => text.startsWith(`m.conf:3: lost: ${name}: `)),
      `${name}: ${notes}`,
    );
  }
});

const stricter: readonly (readonly [conf: string, note: RegExp])[] = [
  ["listener 1883", /^m.conf:1: stricter: listener: .*IPv4/],
  [`${L}mount_point a`, /mount_point: is "a\/"/],
  [`${L}tls_version tlsv1.1`, /nothing older/],
  [`${L}bind_interface eth0`, /127\.0\.0\.1/],
  [`${L}protocol websockets`, /only the path \/mqtt/],
  [`${L}enable_proxy_protocol 1`, /trusted/],
  [`${L}disable_client_cert_date_checks true`, /out of date/],
  ["plugin x.so", /nobody may connect/],
  ["message_size_limit 1000", /whole packet/],
  ["max_inflight_bytes 100000000", /limits\.sendWindowBytes is/],
  ["acl_file acl", /with a \/ in it/],
  ["acl_file acl", /only if it was proven/],
  [`${L}listener 1 ::1\npsk_hint x`, /left out: there are no pre-shared keys/],
  [`${L}listener 1 ::1\nmount_point $x/`, /left out/],
  [`${L}listener 1 ::1\nrequire_certificate true`, /left out: TLS needs/],
  [
    `${L}listener 1 ::1\ncertfile c\nkeyfile k\ncapath d\nrequire_certificate true`,
    /left out: .*one file/,
  ],
  [`${L}listener 1 ::1\ncertfile c\nkeyfile k\ntls_engine e`, /left out: keys are read from files/],
];

Deno.test("importMosquitto() says where the result is stricter", () => {
  const files = { acl: "user ada\ntopic a\npattern b/%c\n" };
  for (const [conf, note] of stricter) {
    const { config, notes } = imported(conf, files);
    assert.ok(config !== undefined, conf);
    assert.ok(
      notes.some((text) => text.includes(": stricter: ") && note.test(text)),
      `${conf}: ${notes}`,
    );
    if (note.source.startsWith("left out")) assert.equal(config.listeners.length, 1, conf);
  }
});

const errors: readonly (readonly [conf: string, note: RegExp])[] = [
  ["allow_anonimous true", /^m.conf:1: error: allow_anonimous: /],
  ["allow_anonymous yes", /found "yes"; expected true or false/],
  ["per_listener_settings yes", /found "yes"; expected true or false/],
  ["listener", /expected a port/],
  ["listener 99999", /expected a port/],
  ["listener 0", /path of a Unix socket/],
  ["acl_file nowhere", /cannot be read: no such file/],
  ["password_file nowhere", /cannot be read/],
  ["password_file plain", /plain:1: error: found/],
  ["acl_file bad", /^bad:2: error: topics: /],
  ["include_dir d\nmax_queued_messages x", /m.conf:2: .*a whole number/],
  [`${L}protocol http_api`, /mqtt or websockets/],
  [`${L}accept_protocol_versions 6`, /3, 4 and 5/],
  ["persistent_client_expiration 2", /h, d, w, m or y/],
  [`${L}psk_hint x`, /no listener is left/],
];

Deno.test("importMosquitto() has no result where it cannot tell what was meant", () => {
  const files = { plain: "ada:secret\n", bad: "topic a\ntopics deny b\n" };
  for (const [conf, note] of errors) {
    const { config, notes } = imported(conf, files);
    assert.equal(config, undefined, conf);
    assert.ok(
      notes.some((text) => text.includes(": error: ") && note.test(text)),
      `${conf}: ${notes}`,
    );
  }
});

Deno.test("importMosquitto() reads include_dir in the order of the names", () => {
  const files = {
    "d/b.conf": "max_queued_messages 2",
    "d/B.conf": "max_queued_messages 1",
    "d/c.txt": "no directive",
    "d/a.conf": "sys_interval 5\ninclude_dir d",
  };
  const { config, notes } = imported("include_dir d/", files);
  assert.equal(config.limits.queuedMessagesPerSession, 2);
  assert.equal(config.sysInterval, 5);
  assert.match(notes.join("\n"), /d\/a\.conf:2: check: include_dir/);
});

Deno.test("importMosquitto() keeps the rules of listeners apart", () => {
  const conf = "per_listener_settings true\nlistener 1 ::1\nacl_file acl\nlistener 2 ::1\n";
  const { config } = imported(conf, { acl: "topic read a\n" });
  const about = config.access.map(({ permission, who }: { permission: string; who: object }) => [
    permission,
    JSON.stringify(who),
  ]);
  assert.deepEqual(about, [
    ["allow", '{"not":{"user":"*"},"listener":"port-1"}'],
    ["deny", '{"listener":"port-1"}'],
    ["allow", '{"listener":"port-1"}'],
    ["allow", '{"listener":"port-2"}'],
  ]);
});

Deno.test("importMosquitto() leaves the directives of a bridge alone", () => {
  const bridge = "connection b\naddress h\ntopic # both\nbridge_cafile x\nremote_username u\n";
  const { config, notes } = imported(`${L}${bridge}`);
  assert.equal(config.listeners.length, 1);
  assert.deepEqual(notes.length, 1);
  assert.match(notes[0]!, /^m.conf:2: lost: connection: there are no bridges/);
});
