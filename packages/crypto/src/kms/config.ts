import { fail } from '../failures.ts';

/** Which service wraps secrets, and with which key. */
export type KmsConfig =
  | { provider: 'master-key'; file: string }
  | { provider: 'master-key'; base64: string }
  | { provider: 'pkcs11'; module: string; token: string; object: string; pinFile: string }
  | { provider: 'aws-kms'; keyId: string; region: string; endpoint?: string }
  | {
      provider: 'vault';
      /** `https://host:port`. */
      address: string;
      /** Path under which transit is mounted. */
      mount: string;
      key: string;
      tokenFile: string;
      namespace?: string;
      caFile?: string;
    };

const LONGEST = 2048;

/**
 * Reads the address of a key:
 *
 *   file:/path/to/master.key
 *   pkcs11:token=NAME;object=KEY?module-path=/usr/lib/….so&pin-source=file:/path     (RFC 7512)
 *   aws-kms:arn:aws:kms:REGION:ACCOUNT:key/ID[?endpoint=https://…]
 *   vault:https://host:8200/transit/keys/KEY?token-file=/path[&namespace=N][&ca-file=/path]
 */
export function parseKmsAddress(text: string): KmsConfig {
  const scheme = /^([a-z0-9-]+):/.exec(text)?.[1];
  const parse = scheme === undefined ? undefined : PARSERS[scheme];
  if (parse === undefined || text.length > LONGEST)
    throw invalid(text, 'is not one of file:, pkcs11:, aws-kms:, vault:');
  const rest = text.slice((scheme?.length ?? 0) + 1);
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return parse(path, new URLSearchParams(mark < 0 ? '' : rest.slice(mark + 1)), text);
}

type Parse = (path: string, query: URLSearchParams, text: string) => KmsConfig;

const PARSERS: Record<string, Parse> = {
  file: (path, query, text) => {
    only(query, [], text);
    if (!path.startsWith('/')) throw invalid(text, 'must name an absolute path');
    return { provider: 'master-key', file: path };
  },
  pkcs11: (path, query, text) => {
    only(query, ['module-path', 'pin-source'], text);
    const fields = new Map(path.split(';').map((part) => decoded(part, text)));
    const { token, object } = Object.fromEntries(fields);
    const [module, pinSource] = [query.get('module-path'), query.get('pin-source')];
    if (!token || !object || !module?.startsWith('/') || !pinSource?.startsWith('file:/')) {
      throw invalid(text, 'must give token=, object=, module-path=/… and pin-source=file:/…');
    }
    return { provider: 'pkcs11', module, token, object, pinFile: pinSource.slice('file:'.length) };
  },
  'aws-kms': (path, query, text) => {
    only(query, ['endpoint'], text);
    const region = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:(?:key|alias)\/[\w/-]+$/.exec(path)?.[1];
    if (region === undefined) throw invalid(text, 'must name a key by its whole ARN');
    const endpoint = query.get('endpoint');
    return { provider: 'aws-kms', keyId: path, region, ...(endpoint === null ? {} : { endpoint }) };
  },
  vault: (path, query, text) => {
    only(query, ['token-file', 'namespace', 'ca-file'], text);
    const url = URL.canParse(path) ? new URL(path) : undefined;
    const [, mount, key] = /^\/([\w/-]+)\/keys\/([\w-]+)$/.exec(url?.pathname ?? '') ?? [];
    const tokenFile = query.get('token-file');
    if (url?.protocol !== 'https:' || mount === undefined || key === undefined || !tokenFile?.startsWith('/')) {
      throw invalid(text, 'must be https://HOST/MOUNT/keys/KEY with token-file=/…');
    }
    const [namespace, caFile] = [query.get('namespace'), query.get('ca-file')];
    return {
      provider: 'vault',
      address: url.origin,
      mount,
      key,
      tokenFile,
      ...(namespace === null ? {} : { namespace }),
      ...(caFile === null ? {} : { caFile }),
    };
  },
};

function only(query: URLSearchParams, known: string[], text: string): void {
  for (const name of query.keys()) if (!known.includes(name)) throw invalid(text, `has the unknown part '${name}'`);
}

function invalid(text: string, why: string) {
  return fail('kms-config-invalid', `The address of a key, '${text.slice(0, 200)}', ${why}.`);
}

/** `name=value`, percent-encoded. */
function decoded(part: string, text: string): [name: string, value: string] {
  const at = part.indexOf('=');
  try {
    return [part.slice(0, Math.max(at, 0)), decodeURIComponent(part.slice(at + 1))];
  } catch {
    throw invalid(text, 'has a wrong percent code');
  }
}
