import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import type { Member } from './support/scripted-transporter.ts';
import { newMember, openStage, portOf } from './support/stage.ts';

const UPGRADE = [
  'GET /control/v1 HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: sealift-control.1',
  '\r\n',
].join('\r\n');

/** A connection to the control channel that has not asked for the upgrade yet. */
async function dial(controlUrl: string, { identity }: Member): Promise<TLSSocket> {
  const { certificate: cert, authority: ca } = identity;
  const key = identity.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const tls = { key, cert, ca, minVersion: 'TLSv1.3', checkServerIdentity: () => undefined } as const;
  const socket = connect({ port: portOf(controlUrl), host: '127.0.0.1', ...tls });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function upgrade(socket: TLSSocket): Promise<string> {
  socket.write(UPGRADE);
  const [answer] = await once(socket, 'data');
  return String(answer).slice(0, 12);
}

t.test('a Director closes although a Transporter is just coming while another does not leave', async (t) => {
  await using stage = await openStage();
  const { controlUrl } = stage.director;
  const lazy = await dial(controlUrl, await newMember(stage, 'lazy', 'source'));
  // It hears nothing any more, so it does not answer when it is told to leave.
  t.equal(await upgrade(lazy), 'HTTP/1.1 101');
  lazy.pause();
  const late = await dial(controlUrl, await newMember(stage, 'late', 'source'));
  const closing = stage.director.close();
  t.equal(await upgrade(late), 'HTTP/1.1 101');
  const gone = once(late, 'close');
  await closing;
  await gone;
  t.ok(late.destroyed);
  lazy.destroy();
});
