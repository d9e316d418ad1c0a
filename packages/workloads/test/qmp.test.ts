import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { QmpClient } from '@sealift/workloads';
import t from 'tap';
import { temporaryFolder } from './fixtures/trees.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';

/** A stub of a monitor: greets, agrees to anything, and then says what the test makes it say. */
async function stub(t: Parameters<typeof temporaryFolder>[0], greeting: string, answer: (id: number) => string) {
  const path = join(temporaryFolder(t), 'qmp');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).write(greeting);
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().trim().split('\n')) {
        const { execute, id } = JSON.parse(line);
        socket.write(execute === 'qmp_capabilities' ? `{"return": {}, "id": ${id}}\n` : answer(id));
      }
    });
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

t.test('answers of a stub of a monitor find their commands, whatever comes between', async (t) => {
  const path = await stub(
    t,
    GREETING,
    (id) => `{"event": "RESUME", "timestamp": {}}\n{"return": {"of": ${id}}, "id": ${id}}\n`,
  );
  await using qmp = await QmpClient.connect(path);
  const [a, b] = await Promise.all([qmp.execute('query-a'), qmp.execute('query-b')]);
  t.same([a, b], [{ of: 2 }, { of: 3 }]);
});

t.test('what a stub of a monitor refuses is told with its reason', async (t) => {
  const path = await stub(t, GREETING, (id) => `{"error": {"class": "GenericError", "desc": "no"}, "id": ${id}}\n`);
  await using qmp = await QmpClient.connect(path);
  await t.rejects(qmp.execute('quit'), { code: 'vm-refused', message: 'QEMU refused quit: no' });
});

const LIES: Record<string, string> = {
  'something that is not JSON': 'HTTP/1.1 400 Bad Request\r\n',
  'no object': '17\n',
  'an answer to nothing': '{"return": {}, "id": 99}\n',
  'an answer without an id': '{"return": {}}\n',
};

for (const [lie, said] of Object.entries(LIES)) {
  t.test(`a stub of a monitor that sends ${lie} is found out`, async (t) => {
    await using qmp = await QmpClient.connect(await stub(t, GREETING, () => said));
    await t.rejects(qmp.execute('query-block'), { code: 'vm-violation' });
    await t.rejects(qmp.execute('query-block'), { code: 'vm-violation' });
  });
}

t.test('a stub of a monitor that sends a message without end is given up at 16 MiB', async (t) => {
  await using qmp = await QmpClient.connect(await stub(t, GREETING, () => 'x'.repeat(17 * 1024 * 1024)));
  await t.rejects(qmp.execute('query-block'), { code: 'vm-violation' });
});

t.test('what greets in another way is no monitor', async (t) => {
  await t.rejects(QmpClient.connect(await stub(t, 'SSH-2.0-OpenSSH\r\n', () => '')), { code: 'vm-violation' });
});
