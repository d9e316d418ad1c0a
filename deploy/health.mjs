// HEALTHCHECK of the image: asks /readyz of the daemon that this container runs. Ends with 0 when it is ready, or when
// the container runs a command that is no daemon; settings given as SEALIFT_* variables are followed.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';

const PATIENCE = 4000;
const { env } = process;

async function daemonHere() {
  const args = (await readFile('/proc/1/cmdline', 'utf8')).split('\0');
  const serve = args.indexOf('serve');
  return serve > 0 ? args[serve - 1] : undefined;
}

async function directorRequest() {
  const ca = await readFile(`${env.SEALIFT_DATA}/ca.pem`);
  return https.get({ host: 'localhost', port: env.SEALIFT_PORT || 7420, path: '/readyz', ca, timeout: PATIENCE });
}

function transporterRequest() {
  const port = env.SEALIFT_HEALTH_PORT || (env.SEALIFT_ROLE === 'target' ? 7423 : 7424);
  return http.get({ host: '127.0.0.1', port, path: '/readyz', timeout: PATIENCE });
}

function statusOf(request) {
  return new Promise((resolve, reject) => {
    request.on('response', (response) => resolve(response.resume().statusCode));
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE} ms`)));
    request.on('error', reject);
  });
}

async function check() {
  const daemon = await daemonHere();
  if (daemon === undefined) return 200;
  return await statusOf(daemon === 'director' ? await directorRequest() : transporterRequest());
}

try {
  const status = await check();
  process.stdout.write(`/readyz: ${status}\n`);
  process.exit(status === 200 ? 0 : 1);
} catch (error) {
  process.stdout.write(`/readyz: ${error.message}\n`);
  process.exit(1);
}
