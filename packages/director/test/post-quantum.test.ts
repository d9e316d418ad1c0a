import { once } from 'node:events';
import { connect } from 'node:tls';
import t from 'tap';
import { ScriptedTransporter } from './support/scripted-transporter.ts';
import { newMember, openStage, portOf } from './support/stage.ts';

/** What comes of dialling with X25519 alone: the group agreed on, or the error. */
async function classical(url: string): Promise<string> {
  // What is asked is only whether the key exchange comes about, which is before any certificate counts.
  const rules = { minVersion: 'TLSv1.3', ecdhCurve: 'X25519', rejectUnauthorized: false } as const;
  const socket = connect({ host: '127.0.0.1', port: portOf(url), ...rules });
  try {
    await once(socket, 'secureConnect');
    return (socket.getEphemeralKeyInfo() as { name: string }).name;
  } catch (thrown) {
    return (thrown as { code: string }).code;
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

t.test('a Director that insists on post-quantum key exchange refuses it without on both listeners', async (t) => {
  await using stage = await openStage({ postQuantumOnly: true });
  const { url, controlUrl } = stage.director;
  for (const listener of [url, controlUrl]) t.match(await classical(listener), /ALERT_HANDSHAKE_FAILURE/, listener);
  await using transporter = new ScriptedTransporter(await newMember(stage, 'laptop', 'source'));
  await transporter.connected();
  const shown = await stage.client.call('getTransporter', { params: { id: 'laptop' } });
  t.match(shown, { connected: true }, 'enrolment, REST and control go on with it');
  await stage.restart({ postQuantumOnly: false });
  for (const listener of [url, controlUrl])
    t.equal(await classical(listener), 'X25519', `by default ${listener} takes it`);
});
