import { readFile } from 'node:fs/promises';
import { fail } from '../../failures.ts';
import type { CredentialsSource, S3Credentials } from './client.ts';

const LARGEST_FILE = 1024 * 1024;
const KEYS = { id: 'aws_access_key_id', secret: 'aws_secret_access_key', token: 'aws_session_token' };

/**
 * Credentials by name from a file in the format of `~/.aws/credentials`: sections `[name]` with `aws_access_key_id`,
 * `aws_secret_access_key` and perhaps `aws_session_token`. Nothing else in it is heeded, least of all programs to run.
 */
export function credentialsInFile(path: string, profile: string): CredentialsSource {
  return async () => {
    const text = await readFile(path).catch((cause) => {
      throw fail('store-credentials', `The credentials file ${path} cannot be read: ${cause.code}.`, { cause });
    });
    if (text.length > LARGEST_FILE) throw fail('store-credentials', `${path} is too large for a file of credentials.`);
    return pick(text.toString('utf8'), profile, path);
  };
}

function pick(text: string, profile: string, path: string): S3Credentials {
  const values = sectionOf(text, profile);
  if (values === undefined) throw fail('store-credentials', `There are no credentials '${profile}' in ${path}.`);
  const [accessKeyId, secretAccessKey] = [values.get(KEYS.id), values.get(KEYS.secret)];
  if (!accessKeyId || !secretAccessKey) {
    throw fail('store-credentials', `The credentials '${profile}' in ${path} lack ${KEYS.id} or ${KEYS.secret}.`);
  }
  const sessionToken = values.get(KEYS.token);
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function sectionOf(text: string, profile: string): Map<string, string> | undefined {
  let section: Map<string, string> | undefined;
  let found: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const head = /^\s*\[\s*([^\]]*?)\s*\]\s*$/.exec(line);
    if (head !== null) {
      section = new Map();
      if (head[1] === profile) found = section;
    } else {
      const [, key, value] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key !== undefined) section?.set(key.toLowerCase(), value as string);
    }
  }
  return found;
}
