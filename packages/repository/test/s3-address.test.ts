import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentialsInFile, parseS3Address } from '@sealift/repository';
import t from 'tap';

t.test('an address is read whole, and always written in the same way', (t) => {
  t.same(parseS3Address('s3://backups'), {
    bucket: 'backups',
    prefix: '',
    region: 'us-east-1',
    profile: 'default',
    location: 's3://backups/?region=us-east-1',
  });
  const full = parseS3Address(
    's3://backups//site/1?class=STANDARD_IA&credentials=vault&region=eu-1&endpoint=https%3A%2F%2Fs3.example.net%3A9000/',
  );
  t.match(full, {
    prefix: 'site/1/',
    endpoint: 'https://s3.example.net:9000',
    profile: 'vault',
    packClass: 'STANDARD_IA',
    location:
      's3://backups/site/1/?endpoint=https://s3.example.net:9000&region=eu-1&credentials=vault&class=STANDARD_IA',
  });
  t.same(parseS3Address(full.location), full);
  t.equal(parseS3Address('s3://backups?endpoint=http://127.0.0.1:8000').endpoint, 'http://127.0.0.1:8000');
  t.end();
});

for (const address of [
  '/srv/backups',
  'https://backups',
  's3://',
  's3://Bucket_Name/x',
  's3://backups/a b',
  's3://backups?endpoint=http://s3.example.net',
  's3://backups?endpoint=ftp://127.0.0.1',
  's3://backups?endpoint=https://s3.example.net/path',
  's3://backups?endpoint=nonsense',
  's3://backups?region=eu-1&region=eu-2',
  's3://backups?region=',
  's3://backups?credentials=../../etc/shadow',
  's3://backups?class=DEEP_ARCHIVE',
  's3://backups?secret=value',
]) {
  t.test(`the address ${address} is refused`, async (t) => {
    t.throws(() => parseS3Address(address), { code: 'store-address', kind: 'refused' });
  });
}

t.test('an address with a secret in it is refused without repeating it', async (t) => {
  for (const address of ['s3://me:hush@backups', 's3://backups?endpoint=https://me:hush@s3.example.net']) {
    const failure = await Promise.try(() => parseS3Address(address)).catch((thrown) => thrown);
    t.match(failure, { code: 'store-address' });
    t.notMatch(failure.message, /hush/);
  }
  t.notMatch(await Promise.try(() => parseS3Address('s3://backups?secret=hush')).catch((e) => e.message), /hush/);
});

t.test('credentials are found by name, and what is missing is told without what is there', async (t) => {
  const file = join(t.testdir(), 'keys');
  await writeFile(
    file,
    '# mine\r\n[default]\r\naws_access_key_id=A\r\naws_secret_access_key = b=c/d+e== \r\n' +
      '[ vault ]\naws_access_key_id = V\naws_secret_access_key = hush\naws_session_token = t\n' +
      '[half]\naws_access_key_id = H\n; aws_secret_access_key = commented\n[other]\ncredential_process = /bin/false\n',
  );
  const ask = (profile: string) => credentialsInFile(file, profile)();
  t.same(await ask('default'), { accessKeyId: 'A', secretAccessKey: 'b=c/d+e==' });
  t.same(await ask('vault'), { accessKeyId: 'V', secretAccessKey: 'hush', sessionToken: 't' });
  await t.rejects(ask('half'), { code: 'store-credentials', message: /'half'.*aws_secret_access_key/ });
  await t.rejects(ask('other'), { code: 'store-credentials' });
  await t.rejects(ask('none'), { code: 'store-credentials', message: /'none' in .*keys/ });
  await t.rejects(credentialsInFile(`${file}-not`, 'default')(), { code: 'store-credentials', message: /ENOENT/ });
});
