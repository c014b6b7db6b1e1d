// Answers CloudFormation with the result of code that a test puts in.
const https = require("https");
const { S3 } = require("@aws-sdk/client-s3");
const s3 = new S3({});
function answer(event, status, more) {
  const body = JSON.stringify({
    Status: status, PhysicalResourceId: event.PhysicalResourceId ?? "made", ...more,
  });
  return new Promise((resolve) => {
    const request = https.request({ hostname: "x", path: "/", method: "PUT" }, resolve);
    request.write(body);
    request.end();
  });
}
exports.handler = async (event) => {
  console.log("asked to", event.RequestType);
  try {
    await answer(event, "SUCCESS", { Data: await (async () => { BODY })() });
  } catch (error) {
    await answer(event, "FAILED", { Reason: `${error.name}: ${error.message}` });
  }
};
