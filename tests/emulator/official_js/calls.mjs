// The official JavaScript SDK, unchanged, against the service at TAGOIO_API.
//
//   node calls.mjs FOLDER
//
// FOLDER holds node_modules with @tago-io/sdk. Each call prints one line of JSON: its name, and
// what went wrong if anything did. Later calls build on earlier ones, so the first that fails may
// take others with it: read the first.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { Account, Authorization, Device, Network, Resources, Utils } = require("@tago-io/sdk");

const { TAGOIO_TOKEN, ANALYSIS_TOKEN } = process.env;
const NETWORK = "5bbd0d144051a50034cd19fb";
const CONNECTOR = "5f5a8f3351d4db99c40dece5";
const UNKNOWN = "0123456789abcdef01234567";
const NOW = Date.now();

const resources = new Resources({ token: TAGOIO_TOKEN, region: "env" });
const analysis = new Resources({ token: ANALYSIS_TOKEN, region: "env" });
const kept = {};

async function call(name, action) {
  try {
    await action();
    console.log(JSON.stringify({ call: name, problem: null }));
  } catch (error) {
    const problem = error instanceof Error ? error.message : JSON.stringify(error);
    console.log(JSON.stringify({ call: name, problem }));
  }
}

// The SDK throws the service's message itself, no Error.
async function refused(promise, message) {
  await promise.then(
    (value) => assert.fail(`expected a refusal, got ${JSON.stringify(value)}`),
    (reason) => assert.match(String(reason), message),
  );
}

async function collect(pages) {
  const all = [];
  for await (const page of pages) all.push(...page);
  return all;
}

// --- devices ------------------------------------------------------------------------------------

await call("devices.create", async () => {
  const created = await resources.devices.create({
    name: "Cold room",
    type: "mutable",
    network: NETWORK,
    connector: CONNECTOR,
    serie_number: "A1B2C3",
    active: true,
    tags: [{ key: "site", value: "north" }],
    configuration_params: [{ key: "rate", value: "600", sent: false }],
  });
  assert.match(created.device_id, /^[0-9a-f]{24}$/);
  assert.match(created.token, /^[0-9a-f-]{36}$/);
  kept.id = created.device_id;
  kept.token = created.token;
});

await call("devices.create immutable", async () => {
  const created = await resources.devices.create({
    name: "Archive",
    type: "immutable",
    chunk_period: "month",
    chunk_retention: 6,
    network: NETWORK,
    connector: CONNECTOR,
  });
  kept.immutable = created.device_id;
  kept.immutableToken = created.token;
});

await call("devices.create refused", () =>
  refused(resources.devices.create({ type: "mutable" }), /name is required/),
);

await call("devices.list", async () => {
  const found = await resources.devices.list();
  assert.deepEqual(
    found.map((device) => device.name),
    ["Archive", "Cold room"],
  );
});

await call("devices.list filtered", async () => {
  const found = await resources.devices.list({
    page: 1,
    amount: 10,
    fields: ["id", "name", "active", "created_at"],
    filter: { name: "Cold*", tags: [{ key: "site", value: "north" }] },
    orderBy: ["created_at", "desc"],
  });
  assert.equal(found.length, 1);
  assert.equal(found[0].id, kept.id);
  assert.equal(found[0].active, true);
  assert.ok(found[0].created_at instanceof Date);
});

await call("devices.list by serial", async () => {
  const found = await resources.devices.list({ serial: "A1B2C3" });
  assert.deepEqual(
    found.map((device) => device.id),
    [kept.id],
  );
  assert.deepEqual(await resources.devices.list({ serial: "nobody" }), []);
});

await call("devices.list with names", async () => {
  const found = await resources.devices.list({
    fields: ["id", "bucket", "connector"],
    resolveBucketName: true,
    resolveConnectorName: true,
  });
  assert.equal(typeof found[0].connector_name, "string");
});

await call("devices.listStreaming", async () => {
  const found = await collect(
    resources.devices.listStreaming({ fields: ["id", "name"] }, { poolingTime: 1 }),
  );
  assert.equal(found.length, 2);
});

await call("devices.info", async () => {
  const info = await resources.devices.info(kept.id);
  assert.equal(info.name, "Cold room");
  assert.equal(info.type, "mutable");
  assert.equal(info.bucket.id, kept.id);
  assert.deepEqual(info.tags, [{ key: "site", value: "north" }]);
  assert.ok(info.updated_at instanceof Date);
});

await call("devices.info refused", () =>
  refused(resources.devices.info(UNKNOWN), /Device Not Found/),
);

await call("devices.edit", async () => {
  const said = await resources.devices.edit(kept.id, { description: "by the door" });
  assert.equal(said, "Successfully Updated");
  assert.equal((await resources.devices.info(kept.id)).description, "by the door");
});

await call("tags.getTagKeys", async () => {
  assert.deepEqual(await resources.tags.getTagKeys("device"), ["site"]);
});

// --- configuration parameters ---------------------------------------------------------------------

await call("devices.paramSet one", async () => {
  const said = await resources.devices.paramSet(kept.id, {
    key: "alarm",
    value: "on",
    sent: false,
  });
  assert.equal(said, "Params Successfully Updated");
});

await call("devices.paramSet several", async () => {
  const said = await resources.devices.paramSet(kept.id, [
    { key: "low", value: "2", sent: false },
    { key: "high", value: "8", sent: true },
  ]);
  assert.equal(said, "Params Successfully Updated");
});

await call("devices.paramList", async () => {
  const found = await resources.devices.paramList(kept.id);
  assert.deepEqual(
    found.map(({ key, value, sent }) => [key, value, sent]),
    [
      ["rate", "600", false],
      ["alarm", "on", false],
      ["low", "2", false],
      ["high", "8", true],
    ],
  );
  kept.params = found;
});

await call("devices.paramList by status", async () => {
  const sent = await resources.devices.paramList(kept.id, true);
  const unsent = await resources.devices.paramList(kept.id, false);
  assert.deepEqual([sent.length, unsent.length], [1, 3]);
});

await call("devices.paramSet by id", async () => {
  const [rate] = kept.params;
  await resources.devices.paramSet(kept.id, { key: "rate", value: "60", sent: false }, rate.id);
  const found = await resources.devices.paramList(kept.id);
  assert.equal(found.length, 4);
  assert.equal(found.find((param) => param.id === rate.id).value, "60");
});

await call("devices.paramRemove", async () => {
  const said = await resources.devices.paramRemove(kept.id, kept.params[3].id);
  assert.equal(said, "Successfully Removed");
  assert.equal((await resources.devices.paramList(kept.id)).length, 3);
});

// --- tokens -----------------------------------------------------------------------------------------

await call("devices.tokenCreate", async () => {
  const created = await resources.devices.tokenCreate(kept.id, {
    name: "field",
    permission: "read",
    expire_time: "1 day",
  });
  assert.equal(created.permission, "read");
  assert.ok(created.expire_date instanceof Date);
  kept.reader = created.token;
});

await call("devices.tokenList", async () => {
  const found = await resources.devices.tokenList(kept.id, {
    fields: ["name", "token", "permission", "serie_number", "created_at"],
    orderBy: ["name", "asc"],
  });
  assert.deepEqual(
    found.map(({ name, permission, serie_number }) => [name, permission, serie_number]),
    [
      ["Default", "full", "A1B2C3"],
      ["field", "read", null],
    ],
  );
  assert.ok(found[0].created_at instanceof Date);
});

// --- data, as the device ----------------------------------------------------------------------------

const device = new Device({ token: kept.token, region: "env" });
const reader = new Device({ token: kept.reader, region: "env" });

await call("Device.info", async () => {
  const info = await device.info();
  assert.equal(info.id, kept.id);
  assert.equal(info.name, "Cold room");
  assert.ok(info.created_at instanceof Date);
});

await call("Device.sendData", async () => {
  const said = await device.sendData([
    { variable: "temperature", value: 4, unit: "C", time: new Date(NOW - 3000).toISOString() },
    { variable: "temperature", value: 6, unit: "C", time: new Date(NOW - 2000).toISOString() },
    { variable: "Door", value: "open", location: { lat: 42.3, lng: -85.6 } },
  ]);
  assert.equal(said, "3 Data Added");
});

await call("Device.sendData one", async () => {
  const said = await device.sendData({ variable: "note", value: "x", metadata: { color: "red" } });
  assert.equal(said, "1 Data Added");
});

await call("Device.sendData refused", () =>
  refused(reader.sendData({ variable: "note", value: "x" }), /Authorization Denied/i),
);

await call("Device.getData", async () => {
  const found = await device.getData({ variables: "temperature", qty: 5 });
  assert.deepEqual(
    found.map(({ value, unit }) => [value, unit]),
    [
      [6, "C"],
      [4, "C"],
    ],
  );
  assert.ok(found[0].time instanceof Date);
  kept.datum = found[0];
});

await call("Device.getData several variables", async () => {
  const found = await reader.getData({
    variables: ["temperature", "door"],
    query: "default",
    ordination: "ascending",
    start_date: new Date(NOW - 60_000),
    details: true,
  });
  assert.deepEqual([...new Set(found.map((item) => item.variable))].sort(), [
    "door",
    "temperature",
  ]);
  assert.ok(found[0].created_at instanceof Date);
});

await call("Device.getData last_item", async () => {
  const [found] = await device.getData({ query: "last_item", variables: ["temperature"] });
  assert.equal(found.value, 6);
});

await call("Device.getData last_location", async () => {
  const [found] = await device.getData({ query: "last_location", variables: "door" });
  assert.deepEqual(found.location.coordinates, [-85.6, 42.3]);
});

await call("Device.getData min and max", async () => {
  const query = { variables: "temperature", start_date: new Date(NOW - 60_000) };
  const [low] = await device.getData({ query: "min", ...query });
  const [high] = await device.getData({ query: "max", ...query });
  assert.deepEqual([low.value, high.value], [4, 6]);
});

await call("Device.getData count", async () => {
  const [found] = await device.getData({ query: "count" });
  assert.equal(found.value, 4);
});

await call("Device.getData avg and sum", async () => {
  const query = { variables: "temperature", start_date: new Date(NOW - 60_000) };
  const [average] = await device.getData({ query: "avg", ...query });
  const [sum] = await device.getData({ query: "sum", ...query });
  assert.deepEqual([average.value, sum.value], [5, 10]);
});

await call("Device.getData conditional", async () => {
  const found = await device.getData({
    query: "conditional",
    variables: "temperature",
    function: "gt",
    value: 5,
    start_date: new Date(NOW - 60_000),
  });
  assert.deepEqual(
    found.map((item) => item.value),
    [6],
  );
});

await call("Device.getData aggregate", async () => {
  const found = await device.getData({
    query: "aggregate",
    variables: ["temperature"],
    interval: "day",
    function: "sum",
    start_date: new Date(NOW - 60_000),
  });
  assert.equal(
    found.reduce((total, item) => total + item.value, 0),
    10,
  );
});

await call("Device.editData", async () => {
  const said = await device.editData({ id: kept.datum.id, value: 7 });
  assert.equal(said, "1 item(s) updated");
  const [found] = await device.getData({ query: "last_item", variables: "temperature" });
  assert.equal(found.value, 7);
});

await call("Device.sendDataStreaming", async () => {
  const items = Array.from({ length: 5 }, (_, n) => ({ variable: "stream", value: n }));
  const said = await device.sendDataStreaming(items, { poolingRecordQty: 2, poolingTime: 1 });
  assert.equal(said, "5 Data added.");
});

await call("Device.getDataStreaming", async () => {
  const found = await collect(
    device.getDataStreaming({ variables: "stream" }, { poolingRecordQty: 2, poolingTime: 1 }),
  );
  assert.deepEqual(found.map((item) => item.value).sort(), [0, 1, 2, 3, 4]);
});

await call("Device.deleteData", async () => {
  const said = await device.deleteData({ variables: "stream", qty: 3 });
  assert.equal(said, "3 Data Removed");
  const last = await device.deleteData();
  assert.match(last, /^\d+ Data Removed$/);
});

await call("Device.getParameters", async () => {
  const found = await device.getParameters();
  assert.deepEqual(
    found.map((param) => param.key),
    ["rate", "alarm", "low"],
  );
  kept.unread = found[0];
});

await call("Device.setParameterAsRead", async () => {
  const said = await device.setParameterAsRead(kept.unread.id);
  assert.equal(said, "Params Successfully Updated");
});

await call("Device.getParameters by status", async () => {
  const read = await device.getParameters("onlyRead");
  const unread = await device.getParameters("onlyUnRead");
  assert.deepEqual(
    read.map((param) => param.id),
    [kept.unread.id],
  );
  assert.equal(unread.length, 2);
});

// --- data, as the profile ---------------------------------------------------------------------------

await call("devices.amount", async () => {
  const [counted] = await device.getData({ query: "count" });
  assert.equal(await resources.devices.amount(kept.id), counted.value);
});

await call("devices.sendDeviceData", async () => {
  const said = await analysis.devices.sendDeviceData(kept.id, { variable: "lamp", value: true });
  assert.equal(said, "1 Data Added");
});

await call("devices.sendDeviceData refused", () =>
  refused(
    resources.devices.sendDeviceData(kept.id, { variable: "lamp", value: true }),
    /Authorization Denied/,
  ),
);

await call("devices.sendDeviceDataStreaming", async () => {
  const items = Array.from({ length: 4 }, (_, n) => ({ variable: "bulk", value: n }));
  const said = await analysis.devices.sendDeviceDataStreaming(kept.id, items, {
    poolingRecordQty: 2,
    poolingTime: 1,
  });
  assert.equal(said, "4 Data added.");
});

await call("devices.getDeviceData", async () => {
  const [found] = await resources.devices.getDeviceData(kept.id, {
    query: "last_value",
    variables: ["lamp"],
  });
  assert.equal(found.value, true);
  assert.equal(found.device, kept.id);
  kept.lamp = found;
});

await call("devices.getDeviceData count", async () => {
  const [found] = await resources.devices.getDeviceData(kept.id, {
    query: "count",
    variables: "bulk",
  });
  assert.equal(found.value, 4);
});

await call("devices.getDeviceDataStreaming", async () => {
  const found = await collect(
    resources.devices.getDeviceDataStreaming(
      kept.id,
      { variables: "bulk" },
      { poolingRecordQty: 3, poolingTime: 1 },
    ),
  );
  assert.equal(found.length, 4);
});

await call("devices.editDeviceData", async () => {
  const said = await resources.devices.editDeviceData(kept.id, { id: kept.lamp.id, value: false });
  assert.equal(said, "1 item(s) updated");
});

await call("devices.deleteDeviceData", async () => {
  const said = await resources.devices.deleteDeviceData(kept.id, { variables: "bulk", qty: 10 });
  assert.equal(said, "4 Data Removed");
});

await call("devices.dataBackup", async () => {
  const backup = await resources.devices.dataBackup({
    deviceID: kept.id,
    file_address: "/device/$DEVICE$/all",
    headers: true,
  });
  assert.equal(backup.file_address, `device/${kept.id}/all.csv`);
  kept.amount = await resources.devices.amount(kept.id);
});

await call("devices.emptyDeviceData", async () => {
  const said = await resources.devices.emptyDeviceData(kept.id);
  assert.equal(said, "Data Successfully Removed");
  assert.equal(await resources.devices.amount(kept.id), 0);
});

await call("devices.dataRestore", async () => {
  const said = await resources.devices.dataRestore({
    deviceID: kept.id,
    file_address: `/device/${kept.id}/all.csv`,
  });
  assert.equal(said, "Data import added to the queue successfully!");
  assert.equal(await resources.devices.amount(kept.id), kept.amount);
});

// --- chunks -----------------------------------------------------------------------------------------

await call("devices.getChunk", async () => {
  const archive = new Device({ token: kept.immutableToken, region: "env" });
  await archive.sendData([{ variable: "t", value: 1 }]);
  const [chunk] = await resources.devices.getChunk(kept.immutable);
  assert.match(chunk.id, /^\d+_\d+$/);
  assert.equal(chunk.amount, 1);
  assert.ok(new Date(chunk.from) < new Date(chunk.to));
  kept.chunk = chunk.id;
});

await call("devices.dataBackup of a chunk", async () => {
  const backup = await resources.devices.dataBackup(
    { deviceID: kept.immutable, file_address: "/device/$DEVICE$/$FROM$_$TO$", headers: false },
    kept.chunk,
  );
  assert.equal(backup.chunk_id, kept.chunk);
  assert.match(
    backup.file_address,
    new RegExp(`^device/${kept.immutable}/\\d{4}-\\d\\d-\\d\\d_\\d{4}-\\d\\d-\\d\\d\\.csv$`),
  );
});

await call("devices.copyChunk", async () => {
  const copied = await resources.devices.copyChunk({
    deviceID: kept.immutable,
    chunkID: kept.chunk,
    file_address: "/copy",
    headers: true,
  });
  assert.equal(copied.file_address, "copy.csv");
});

await call("devices.deleteChunk", async () => {
  const said = await resources.devices.deleteChunk(kept.immutable, kept.chunk);
  assert.equal(said, `Chunk ${kept.chunk} deleted`);
});

// --- networks and connectors --------------------------------------------------------------------------

await call("networks.list", async () => {
  const found = await resources.integration.networks.list({
    fields: ["id", "name", "public"],
    amount: 100,
  });
  assert.ok(found.some((network) => network.id === NETWORK));
});

await call("networks.info", async () => {
  const info = await resources.integration.networks.info(NETWORK);
  assert.deepEqual(Object.keys(info).sort(), ["id", "name"]);
});

await call("networks.create", async () => {
  const created = await resources.integration.networks.create({
    name: "Our network",
    description: "ours",
    require_devices_access: true,
    public: false,
    serial_number: { mask: "FFFFFF", label: "EUI", required: true },
  });
  assert.match(created.network, /^[0-9a-f]{24}$/);
  kept.network = created.network;
});

await call("networks.edit", async () => {
  await resources.integration.networks.edit(kept.network, { name: "Their network" });
  const info = await resources.integration.networks.info(kept.network, ["id", "name", "description"]);
  assert.deepEqual([info.name, info.description], ["Their network", "ours"]);
});

await call("networks.tokenCreate", async () => {
  const created = await resources.integration.networks.tokenCreate(kept.network, {
    name: "uplink",
    permission: "full",
    expire_time: "never",
  });
  assert.equal(typeof created.token, "string");
  kept.networkToken = created.token;
});

await call("networks.tokenList", async () => {
  const found = await resources.integration.networks.tokenList(kept.network);
  assert.deepEqual(
    found.map((token) => token.name),
    ["uplink"],
  );
});

await call("connectors.list", async () => {
  const found = await resources.integration.connectors.list({
    fields: ["id", "name", "networks"],
    amount: 100,
  });
  const https = found.find((connector) => connector.id === CONNECTOR);
  assert.ok(https.networks.includes(NETWORK));
});

await call("connectors.info", async () => {
  const info = await resources.integration.connectors.info(CONNECTOR);
  assert.equal(info.id, CONNECTOR);
  assert.ok(info.networks.includes(NETWORK));
});

await call("connectors.create", async () => {
  const created = await resources.integration.connectors.create({
    name: "Our sensor",
    networks: [kept.network],
  });
  assert.match(created.connector, /^[0-9a-f]{24}$/);
  kept.connector = created.connector;
});

await call("connectors.edit", async () => {
  const said = await resources.integration.connectors.edit(kept.connector, { name: "Sensor" });
  assert.equal(said, "Connector Successfully Updated");
  const info = await resources.integration.connectors.info(kept.connector, ["id", "name"]);
  assert.equal(info.name, "Sensor");
});

// --- as a network ---------------------------------------------------------------------------------------

const network = new Network({ token: kept.networkToken, region: "env" });

await call("Network.info", async () => {
  const info = await network.info();
  assert.deepEqual([info.id, info.name], [kept.network, "Their network"]);
});

await call("Network.resolveToken", async () => {
  const created = await resources.devices.create({
    name: "Behind the network",
    type: "mutable",
    network: kept.network,
    connector: kept.connector,
    serie_number: "0A0B0C",
  });
  assert.equal(await network.resolveToken("0A0B0C"), created.token);
  kept.behind = created.device_id;
});

await call("serviceAuthorization.tokenCreate", async () => {
  const created = await resources.serviceAuthorization.tokenCreate({
    name: "gateway",
    permission: "full",
  });
  assert.match(created.token, /^at[0-9a-f]{32}$/);
  kept.authorization = created.token;
});

await call("serviceAuthorization.tokenEdit", async () => {
  const said = await resources.serviceAuthorization.tokenEdit(kept.authorization, "code");
  assert.equal(said, "Authorization Code Successfully Updated");
});

await call("serviceAuthorization.tokenList", async () => {
  const found = await resources.serviceAuthorization.tokenList({
    fields: ["name", "token", "verification_code", "created_at"],
    filter: { name: "gateway" },
  });
  assert.deepEqual(
    found.map(({ token, verification_code }) => [token, verification_code]),
    [[kept.authorization, "code"]],
  );
  assert.ok(found[0].created_at instanceof Date);
});

await call("Authorization.info", async () => {
  const info = await new Authorization({ token: kept.authorization, region: "env" }).info();
  assert.deepEqual([info.name, info.verification_code], ["gateway", "code"]);
});

await call("Network.resolveToken authorized", async () => {
  const token = await network.resolveToken("0A0B0C", kept.authorization);
  assert.match(token, /^[0-9a-f-]{36}$/);
  const [listed] = await resources.devices.tokenList(kept.behind, {
    fields: ["token", "last_authorization"],
  });
  assert.deepEqual([listed.token, listed.last_authorization], [token, kept.authorization]);
});

await call("serviceAuthorization.tokenDelete", async () => {
  const said = await resources.serviceAuthorization.tokenDelete(kept.authorization);
  assert.equal(said, "Token Successfully Removed");
});

await call("Network.resolveToken refused", () =>
  refused(network.resolveToken("nobody"), /./),
);

await call("Network.deviceList", async () => {
  const found = await network.deviceList(kept.network);
  assert.deepEqual(
    found.map((one) => one.id),
    [kept.behind],
  );
  assert.equal(typeof found[0].token, "string");
});

await call("Network.deviceParamSet", async () => {
  await network.deviceParamSet(kept.behind, { key: "downlink", value: "01", sent: false });
  const [param] = await resources.devices.paramList(kept.behind);
  assert.deepEqual([param.key, param.value], ["downlink", "01"]);
});

await call("Network.publishToRelay", async () => {
  const said = await network.publishToRelay({ topic: "alarm", message: "on", device: kept.behind });
  assert.equal(typeof said, "string");
});

await call("Utils.sendDownlink", async () => {
  const endpoint = "middleware.example";
  await resources.integration.networks.edit(kept.network, { middleware_endpoint: endpoint });
  const service = globalThis.fetch;
  const sent = [];
  globalThis.fetch = async (url, options) => {
    if (String(url) !== `https://${endpoint}/downlink`) return service(url, options);
    sent.push(JSON.parse(options.body));
    return new Response("{}", { status: 202 });
  };
  try {
    const options = { payload: "0a", port: 5, confirmed: false };
    const said = await Utils.sendDownlink(resources, kept.behind, options);
    assert.equal(said, "Downlink accepted with status 202");
  } finally {
    globalThis.fetch = service;
  }
  assert.deepEqual(sent, [
    { device: "0A0B0C", authorization: kept.authorization, payload: "0a", port: 5, confirmed: false },
  ]);
  const params = await resources.devices.paramList(kept.behind);
  const values = Object.fromEntries(params.map((one) => [one.key, one.value]));
  assert.deepEqual(values, { downlink: "0a", port: "5" });
});

await call("Utils.getTokenByName", async () => {
  const account = new Account({ token: TAGOIO_TOKEN, region: "env" });
  const token = await Utils.getTokenByName(account, kept.behind, "Default");
  assert.match(token, /^[0-9a-f-]{36}$/);
  await assert.rejects(Utils.getTokenByName(account, kept.behind, "nobody").catch((reason) => {
    throw new Error(reason);
  }), /Can't find Token/);
});

// --- account and profile --------------------------------------------------------------------------------

await call("account.info", async () => {
  const info = await resources.account.info();
  assert.equal(info.plan, "starter");
  assert.ok(info.created_at instanceof Date);
});

await call("plan.getActivePlan", async () => {
  assert.equal((await resources.plan.getActivePlan()).plan, "starter");
});

await call("profiles.list", async () => {
  const found = await resources.profiles.list();
  assert.equal(found.length, 1);
  kept.profile = found[0].id;
});

await call("profiles.info", async () => {
  const info = await resources.profiles.info("current");
  assert.deepEqual([info.info.id, info.account_plan], [kept.profile, "starter"]);
});

await call("profiles.summary", async () => {
  const summary = await resources.profiles.summary(kept.profile);
  assert.equal(summary.amount.device, 3);
});

await call("profiles.tokenCreate", async () => {
  const created = await resources.profiles.tokenCreate(kept.profile, {
    name: "laptop",
    permission: "read",
    expire_time: "1 day",
  });
  assert.match(created.token, /^p-/);
  kept.profileToken = created.token;
});

await call("profiles.tokenList", async () => {
  const found = await resources.profiles.tokenList(kept.profile);
  assert.ok(found.some((token) => token.name === "laptop" && token.permission === "read"));
});

await call("a profile token that only reads", async () => {
  const readonly = new Resources({ token: kept.profileToken, region: "env" });
  assert.equal((await readonly.devices.list()).length, 3);
  await refused(readonly.devices.edit(kept.id, { active: false }), /Authorization Denied/);
});

await call("profiles.tokenDelete", async () => {
  const said = await resources.profiles.tokenDelete(kept.profile, kept.profileToken);
  assert.equal(said, "Token Successfully Removed");
});

await call("Account.tokenCreate", async () => {
  const { email } = await resources.account.info();
  const created = await Account.tokenCreate(
    { profile_id: kept.profile, email, password: "any", name: "signed in" },
    "env",
  );
  const signedIn = new Resources({ token: created.token, region: "env" });
  assert.equal((await signedIn.profiles.info("current")).info.id, kept.profile);
});

await call("Utils.getAPIVersion", async () => {
  assert.equal(typeof (await Utils.getAPIVersion("env")), "string");
});

// --- the end --------------------------------------------------------------------------------------------

await call("devices.tokenDelete", async () => {
  const said = await resources.devices.tokenDelete(kept.reader);
  assert.equal(said, "Token Successfully Removed");
  await refused(reader.info(), /Invalid token/);
});

await call("networks.tokenDelete", async () => {
  await resources.integration.networks.tokenDelete(kept.networkToken);
  assert.deepEqual(await resources.integration.networks.tokenList(kept.network), []);
});

await call("devices.delete", async () => {
  assert.equal(await resources.devices.delete(kept.id), "Successfully Removed");
  await refused(resources.devices.info(kept.id), /Device Not Found/);
});

await call("connectors.delete", async () => {
  await resources.devices.delete(kept.behind);
  const said = await resources.integration.connectors.delete(kept.connector);
  assert.equal(said, "Connector Successfully Deleted");
});

await call("networks.delete", async () => {
  const said = await resources.integration.networks.delete(kept.network);
  assert.equal(said, "Successfully Removed");
});

await call("a stranger's token", () =>
  refused(new Resources({ token: "stranger", region: "env" }).devices.list(), /Invalid token/),
);
