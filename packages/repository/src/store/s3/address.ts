import { fail } from '../../failures.ts';

/** Where a repository lies in an object store. Never holds credentials: those are looked up by `profile`. */
export interface S3Address {
  bucket: string;
  /** Empty, or ends with '/'. */
  prefix: string;
  /** Absent for Amazon's own. */
  endpoint?: string;
  region: string;
  /** Name of the credentials to use. */
  profile: string;
  /** Storage class of packs; everything else is read often and stays in the standard class. */
  packClass?: string;
  /** The address as people and the registry see it, always written in the same way. */
  location: string;
}

const SCHEME = 's3://';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9._/-]{0,512}$/;
const WORD = /^[A-Za-z0-9._-]{1,64}$/;
const KNOWN = new Set(['endpoint', 'region', 'credentials', 'class']);
/** Objects of these classes must be thawed before they can be read: deduplication reads old packs at any time. */
const FROZEN = new Set(['GLACIER', 'DEEP_ARCHIVE']);

export function isS3Address(text: string): boolean {
  return text.startsWith(SCHEME);
}

/** `s3://bucket/prefix?endpoint=https://host&region=r&credentials=name&class=STANDARD_IA`; all but the bucket optional. */
export function parseS3Address(text: string): S3Address {
  const url = urlOf(text);
  const bucket = url.hostname;
  if (!BUCKET.test(bucket)) refuse(text, `'${bucket}' is no name of a bucket`);
  const prefix = prefixOf(text, url);
  const word = (name: string) => parameter(text, url, name);
  const [endpoint, packClass] = [endpointOf(text, url), word('class')];
  if (packClass !== undefined && FROZEN.has(packClass)) {
    refuse(text, `objects of the class ${packClass} cannot be read at once`);
  }
  const address = {
    bucket,
    prefix,
    region: word('region') ?? 'us-east-1',
    profile: word('credentials') ?? 'default',
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(packClass === undefined ? {} : { packClass }),
  };
  return { ...address, location: written(address) };
}

function urlOf(text: string): URL {
  const url = isS3Address(text) && URL.canParse(text) ? new URL(text) : refuse(text, 'it is no URL of the form s3://');
  if (url.username !== '' || url.password !== '' || url.port !== '' || url.hash !== '') {
    // Not repeated in the message: what stands there may be a secret.
    throw fail('store-address', 'The address of an object store holds a user, a password, a port or a fragment.');
  }
  for (const name of url.searchParams.keys()) if (!KNOWN.has(name)) refuse(text, `it has an unknown part '${name}'`);
  return url;
}

function prefixOf(text: string, url: URL): string {
  const folders = url.pathname.split('/').filter((folder) => folder !== '');
  const prefix = folders.map((folder) => `${folder}/`).join('');
  if (!PREFIX.test(prefix)) refuse(text, 'its prefix may hold letters, digits, and . _ - /');
  return prefix;
}

function parameter(text: string, url: URL, name: string): string | undefined {
  const given = url.searchParams.getAll(name);
  if (given.length === 0) return undefined;
  const [value = ''] = given;
  if (given.length > 1 || !WORD.test(value)) refuse(text, `its part '${name}' is not one plain word`);
  return value;
}

/** Data may be stored as plaintext, so it leaves the machine under TLS only. */
function endpointOf(text: string, url: URL): string | undefined {
  const given = url.searchParams.get('endpoint');
  if (given === null) return undefined;
  const endpoint = URL.canParse(given) ? new URL(given) : refuse(text, `'${given}' is no URL of an endpoint`);
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw fail('store-address', 'The endpoint of an object store holds a user or a password.');
  }
  const here = endpoint.hostname === 'localhost' || endpoint.hostname === '[::1]' || /^127\./.test(endpoint.hostname);
  if (endpoint.protocol !== 'https:' && !(endpoint.protocol === 'http:' && here)) {
    refuse(text, 'its endpoint must be https://, or http:// on this machine itself');
  }
  if (endpoint.pathname !== '/' || endpoint.search !== '' || endpoint.hash !== '') {
    refuse(text, 'its endpoint must be host and port alone');
  }
  return endpoint.origin;
}

function written({ bucket, prefix, endpoint, region, profile, packClass }: Omit<S3Address, 'location'>): string {
  const parts = [
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
    `region=${region}`,
    ...(profile === 'default' ? [] : [`credentials=${profile}`]),
    ...(packClass === undefined ? [] : [`class=${packClass}`]),
  ];
  return `${SCHEME}${bucket}/${prefix}?${parts.join('&')}`;
}

function refuse(text: string, why: string): never {
  const shown = text.split('?')[0]?.slice(0, 200) ?? '';
  throw fail('store-address', `The address ${shown.includes('@') ? 'given' : shown} cannot be used: ${why}.`);
}
