import type { ExplanationResource } from '@sealift/wire';

/** What decides who can read what in a run of a job. */
export interface Circumstances {
  job: { id: string; name: string };
  encryption: 'in-flight' | 'source-side';
  source: string;
  target: string;
  repository: string;
  /** Whether the Director keeps the wrapped hash of the password; source-side only. */
  keep?: 'hash' | 'never';
  /** What wraps the hashes. */
  kms: string;
  /** There where the repository is encrypted at rest. */
  atRest?: AtRest;
}

/** How the key of a repository that is encrypted at rest can be had. */
export interface AtRest {
  slots: ('password' | 'kms' | 'keyfile')[];
  /** The Director keeps the key of a slot, wrapped, and unlocks with it. */
  byDirector: boolean;
}

type Component = ExplanationResource['components'][number];
type Key = Component['keys'][number];

const SESSION_KEYS: Key = {
  key: 'keys of the in-flight session (X-Wing and signatures, new for each connection)',
  from: 'each connection',
  until: 'its end',
};
const IDENTITY: Key = {
  key: 'its own identity key (Ed25519)',
  from: 'enrolment or renewal',
  until: 'its renewal, within two weeks',
};

/** Says which component holds plaintext, which keys, from when to when, and what a thief of each would get. */
export function explain(c: Circumstances): ExplanationResource {
  const parts = [source(c), network(), target(c), repository(c), director(c), kms(c), restorer(c)];
  return {
    version: 1,
    job: c.job,
    encryption: c.encryption,
    atRest: c.atRest === undefined ? 'none' : `AES-256, opened by ${c.atRest.slots.join(', ')}`,
    summary: summaryOf(c),
    components: parts.filter((part) => part !== undefined),
  };
}

function summaryOf({ encryption, keep, target, atRest }: Circumstances): string {
  if (encryption === 'in-flight') {
    const stored = atRest === undefined ? 'writes it as it is' : 'seals it before it is written';
    return `Readable at the source and at ${target}, which decrypts and ${stored}; on no network in between.`;
  }
  const director =
    keep === 'never' ? 'Nobody else: the password is asked for at each run.' : 'The Director could derive keys.';
  return `Encrypted at the source before anything leaves it; ${target} and the storage hold ciphertext only. ${director}`;
}

function source({ source: name, encryption }: Circumstances): Component {
  const run: Key = { key: 'RK, the single-use key of the run', from: 'its start', until: 'its end' };
  const zone: Key = {
    key: 'IDK and CPK, which name and cut chunks in the domain',
    from: 'start of the run',
    until: 'its end',
  };
  const secret: Key = { key: 'chunk secret of the repository', from: 'start of the run', until: 'its end' };
  const own = encryption === 'source-side' ? [run, zone] : [secret];
  return {
    component: 'source',
    name,
    plaintext: 'always',
    why: 'It is where the data lives.',
    keys: [...own, SESSION_KEYS, IDENTITY],
    thief:
      encryption === 'source-side'
        ? 'What it protects, and what it reads while it is taken over; no earlier run, for their keys are gone.'
        : 'What it protects. With its certificate no earlier point can be read without a ticket of the Director.',
  };
}

function network(): Component {
  return {
    component: 'network',
    plaintext: 'never',
    why: 'TLS 1.3 with an X-Wing session inside it, which a proxy that terminates TLS cannot open either.',
    keys: [],
    thief: 'Times and amounts of traffic; nothing more, not with a quantum computer later either.',
  };
}

const MASTER_KEY: Key = {
  key: 'RMK, the master key of the repository, and the keys of sessions made from it',
  from: 'the unlocking of the repository',
  until: 'the end of the target process',
};

function target({ target: name, encryption, atRest }: Circumstances): Component {
  const plain = encryption === 'in-flight';
  const sealing = plain && atRest !== undefined ? [MASTER_KEY] : [];
  return {
    component: 'target',
    name,
    plaintext: plain ? 'always' : 'never',
    why: plain ? 'It decrypts what arrives, checks every id and writes.' : 'It is never given a key of the data.',
    keys: plain
      ? [
          { key: 'chunk secret of the repository', from: 'its creation', until: 'its end' },
          ...sealing,
          SESSION_KEYS,
          IDENTITY,
        ]
      : [SESSION_KEYS, IDENTITY],
    thief: plain
      ? `Everything in the repository${atRest === undefined ? '' : ', while it is unlocked'}.`
      : 'Ciphertext, counts and padded sizes of chunks, and which repeat. It can lose data, not read or alter it unseen.',
  };
}

function repository({ repository: name, encryption, atRest }: Circumstances): Component {
  if (encryption === 'in-flight' && atRest !== undefined) return sealedRepository(name, atRest);
  const plain = encryption === 'in-flight';
  return {
    component: 'repository',
    name,
    plaintext: plain ? 'always' : 'never',
    why: plain ? 'In-flight encryption ends at the target.' : 'The ciphertext of the source is written unchanged.',
    keys: plain ? [{ key: 'chunk secret', from: 'its creation', until: 'its end' }] : [],
    thief: plain
      ? 'Everything in it, names too.'
      : 'Ciphertext, and salts with which guesses of the password can be tried: Argon2id makes each one expensive.',
  };
}

function sealedRepository(name: string, { slots }: AtRest): Component {
  return {
    component: 'repository',
    name,
    plaintext: 'never',
    why: 'The target seals every chunk with a key of the repository before it is written.',
    keys: [{ key: `RMK, sealed to each key slot (${slots.join(', ')})`, from: 'its creation', until: 'its end' }],
    thief: slots.includes('password')
      ? 'Ciphertext, and a salt with which guesses of the password can be tried: Argon2id makes each one expensive.'
      : 'Ciphertext, counts and padded sizes; nothing without the key of a slot.',
  };
}

function director({ encryption, keep, kms: provider, atRest }: Circumstances): Component {
  const ticketKey: Key = { key: 'ticket key and certificate authority', from: 'set-up', until: 'replacement' };
  if (encryption === 'in-flight') {
    const unlocking: Key[] =
      atRest?.byDirector === true
        ? [{ key: `a slot key of the repository, wrapped by ${provider}`, from: 'its creation', until: 'its removal' }]
        : [];
    return {
      component: 'director',
      plaintext: 'never',
      why: 'No backup data passes through it.',
      keys: [...unlocking, ticketKey],
      thief: 'It could admit a Transporter of its own and have points restored to it. It holds no data itself.',
    };
  }
  const held = keep === 'never' ? 'the end of the run, or a quarter of an hour' : 'it is forgotten';
  const hash: Key = {
    key: keep === 'never' ? 'PH, DK: in memory only' : `PH, wrapped by ${provider}; DK while keys are derived`,
    from: keep === 'never' ? 'the moment the password is given' : 'the making of the password',
    until: held,
  };
  return {
    component: 'director',
    plaintext: 'never',
    why: 'It derives the key of each run and hands it, sealed, to the source.',
    keys: [hash, ticketKey],
    thief:
      keep === 'never'
        ? 'Its database: nothing. Taken over while it runs: the keys of runs whose password is given meanwhile.'
        : `Its database: nothing without the key of ${provider}. Taken over while it runs: every run key, so all data of the domain.`,
  };
}

function kms({ encryption, keep, kms: provider, atRest }: Circumstances): Component | undefined {
  if (encryption === 'in-flight') return atRest?.slots.includes('kms') === true ? sealingKms(provider) : undefined;
  if (keep === 'never') return undefined;
  return {
    component: 'kms',
    name: provider,
    plaintext: 'never',
    why: 'It wraps the password hash and nothing else.',
    keys: [{ key: 'the wrapping key', from: 'its creation', until: 'everything was wrapped anew by another' }],
    thief:
      'Nothing alone; with the database of the Director, or a repository whose points carry its wrap, all data of the domain.',
  };
}

function sealingKms(provider: string): Component {
  return {
    component: 'kms',
    name: provider,
    plaintext: 'never',
    why: 'It wraps the key of a slot of the repository and nothing else.',
    keys: [{ key: 'the wrapping key', from: 'its creation', until: 'the removal of the slot' }],
    thief: 'Nothing alone; with a copy of the repository, everything in it.',
  };
}

function restorer({ encryption }: Circumstances): Component {
  const runs: Key = {
    key: 'RK of every run the point refers to, and IDK',
    from: 'the start of the restore',
    until: 'its end',
  };
  return {
    component: 'restoring Transporter',
    plaintext: 'during the run',
    why: 'It decrypts and writes what is restored.',
    keys: encryption === 'source-side' ? [runs, SESSION_KEYS, IDENTITY] : [SESSION_KEYS, IDENTITY],
    thief: 'What is restored to it while it is taken over.',
  };
}
