// Runs one invocation of a Lambda function. Through the pipe to its parent it calls AWS, in place of the
// SDK, and answers CloudFormation for a custom resource. It reaches nothing else.
const readline = require("node:readline");
const https = require("node:https");
const Module = require("node:module");
const { EventEmitter } = require("node:events");

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr); // the log
const say = (message) => write(`${JSON.stringify(message)}\n`);

const waiting = new Map();
let calls = 0;
function call(service, operation, parameters) {
  return new Promise((resolve, reject) => {
    waiting.set((calls += 1), { resolve, reject });
    say({ call: calls, service, operation, parameters });
  });
}

// `new S3({}).listObjectVersions({...})`: an operation is a method.
function sdk(service) {
  const operations = new Proxy({}, {
    get: (_, name) => (name === "then" ? undefined : (parameters = {}) => call(service, name, parameters)),
  });
  function Client() { return operations; }
  // A prototype, since bundled code copies the own names of a module, and this one has none.
  return Object.create(new Proxy({}, { get: (_, name) => (name === "__esModule" ? true : Client) }));
}

const load = Module._load;
Module._load = function loadModule(request, ...rest) {
  const client = /^@aws-sdk\/client-(.+)$/.exec(request);
  return client ? sdk(client[1]) : load.call(this, request, ...rest);
};

// The answer to CloudFormation.
https.request = (options, listener) => {
  const request = new EventEmitter();
  let body = "";
  request.write = (chunk) => { body += chunk; return true; };
  request.end = () => {
    say({ answered: options.path, body: JSON.parse(body) });
    const response = new EventEmitter();
    response.statusCode = 200;
    response.resume = () => response;
    setImmediate(() => listener(response));
  };
  return request;
};

async function invoke({ handler, event, context }) {
  const [file, name] = [handler.slice(0, handler.lastIndexOf(".")), handler.slice(handler.lastIndexOf(".") + 1)];
  try {
    const result = await require(`${process.cwd()}/${file}`)[name](event, context);
    say({ ended: result ?? null });
  } catch (error) {
    say({ failed: `${error.name}: ${error.message}` });
  }
  process.exit(0);
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.handler) {
    invoke(message);
    return;
  }
  const { resolve, reject } = waiting.get(message.call);
  waiting.delete(message.call);
  if (message.error) {
    reject(Object.assign(new Error(message.error.message), { name: message.error.name }));
  } else {
    resolve(message.result);
  }
});
