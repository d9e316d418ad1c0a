/** A Director in a process of its own, which a test can kill. Prints its addresses as the first line of JSON. */
import { writeSync } from 'node:fs';
import { startDirector } from '../../src/index.ts';

const [data = '', port = '0', controlPort = '0', logLevel = 'silent'] = process.argv.slice(2);
const director = await startDirector({
  data,
  host: '127.0.0.1',
  port: Number(port),
  controlPort: Number(controlPort),
  logLevel: logLevel as 'silent' | 'trace',
});
writeSync(1, `${JSON.stringify({ handle: director })}\n`);
