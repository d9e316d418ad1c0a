import type { KeyObject } from 'node:crypto';
import { toFailure } from '@sealift/core';
import {
  certificateDer,
  checkRun,
  type Identity,
  manifestKey,
  manifestMac,
  manifestMacHolds,
  type PeerCertificate,
  parseCertificate,
  type RunKey,
  type RunRecord,
  signWith,
  verifyPeerCertificate,
  verifySignature,
} from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { LONGEST_MANIFEST } from './limits.ts';
import { decodeManifest, encodeManifest, type Manifest } from './manifest-body.ts';

/** `SLRP`, first bytes of a recovery point file. */
const MAGIC = Buffer.from('SLRP');
export const POINT_VERSION = 1;
const FLAG_MAC = 1;
const HEADER_LENGTH = 16;
const MAC_LENGTH = 32;
const SIGNATURE_LENGTH = 64;
const SUM_LENGTH = 32;
const LONGEST_CERTIFICATE = 16 * 1024;
/** Longest recovery point file. */
export const LONGEST_POINT = HEADER_LENGTH + LONGEST_MANIFEST + LONGEST_CERTIFICATE + 128;
const SIGNATURE_LABEL = 'recovery point';

export interface OpenedManifest {
  manifest: Manifest;
  signer: PeerCertificate;
  /** Of the signer, DER. */
  certificate: Buffer;
  /** SHA-256 of the whole file: what the next point of the chain carries as `previous`. */
  hash: Buffer;
}

/**
 * Makes a recovery point file: header, manifest, MAC under MK (source-side), certificate DER, Ed25519 signature over
 * all before it, SHA-256 over all before it.
 */
export function sealManifest(manifest: Manifest, keys: { run?: RunKey; identity: Identity }): Buffer {
  if ((manifest.run === undefined) !== (keys.run === undefined)) {
    throw fail('format-limit', 'A run key is needed to seal exactly the manifests that name their run.');
  }
  const body = encodeManifest(manifest);
  const certificate = certificateDer(keys.identity.certificate);
  const writer = new ByteWriter(HEADER_LENGTH + body.length + certificate.length + 128);
  writer.bytes(MAGIC).u16(POINT_VERSION);
  writer.u16(keys.run === undefined ? 0 : FLAG_MAC);
  writer.u32(body.length).u32(certificate.length).bytes(body);
  if (keys.run !== undefined) writer.bytes(manifestMac(keys.run, writer.finish()));
  writer.bytes(certificate);
  writer.bytes(signWith(keys.identity.privateKey, SIGNATURE_LABEL, writer.finish()));
  writer.bytes(sha256(writer.finish()));
  return writer.finish();
}

export interface OpenManifestOptions {
  /** Certificate of the authority, PEM: the signer must have been certified by it when the point was made. */
  authority?: string;
  /** Key of the run that made the point: the MAC must hold. Undefined results are refused for source-side points. */
  runKey?: (run: RunRecord) => RunKey | undefined;
  /** MK of that run: as `runKey`, where only this is known. */
  manifestKey?: KeyObject;
}

/** Checks, in this order: lengths, SHA-256, signature, canonical manifest, signer, then authority and MAC where asked. */
export function openManifest(file: Buffer, options: OpenManifestOptions = {}): OpenedManifest {
  const parts = splitPoint(file);
  const signer = readCertificate(parts.certificate);
  if (!signatureHolds(signer.publicKey, parts.signed, parts.signature)) {
    throw fail('manifest-forged', 'The signature of a recovery point does not hold.');
  }
  const manifest = decodeManifest(parts.body);
  if ((parts.mac === undefined) !== (manifest.run === undefined)) {
    throw fail('manifest-forged', `Recovery point ${manifest.pointId} has no MAC where its mode asks for one.`);
  }
  refuseOtherSigner(manifest, signer);
  if (options.authority !== undefined) {
    verifyPeerCertificate(parts.certificate, options.authority, new Date(manifest.createdAt));
  }
  if (options.runKey !== undefined) checkRunAndMac(manifest, parts, options.runKey);
  if (options.manifestKey !== undefined) checkMac(manifest, parts, options.manifestKey);
  return { manifest, signer, certificate: parts.certificate, hash: sha256(file) };
}

/** A target has a certificate of the same authority: with it, it could sign points it made up itself. */
function refuseOtherSigner(manifest: Manifest, signer: PeerCertificate): void {
  if (signer.id === manifest.sourceId && signer.role !== 'target') return;
  const who = signer.role === 'target' ? `the target ${signer.id}` : signer.id;
  throw fail(
    'manifest-forged',
    `Recovery point ${manifest.pointId} of source ${manifest.sourceId} was signed by ${who}.`,
  );
}

interface PointParts {
  body: Buffer;
  /** What the MAC covers: header and manifest. */
  authenticated: Buffer;
  mac: Buffer | undefined;
  certificate: Buffer;
  /** What the signature covers. */
  signed: Buffer;
  signature: Buffer;
}

function splitPoint(file: Buffer): PointParts {
  const reader = new ByteReader(file, 'recovery point');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  if (version > POINT_VERSION) {
    throw fail(
      'repository-too-new',
      `A recovery point has format version ${version}; this program knows ${POINT_VERSION}.`,
    );
  }
  const flags = reader.u16();
  if (version === 0 || flags > FLAG_MAC) throw reader.damaged(`version ${version} with flags ${flags}`);
  const bodyLength = reader.u32();
  const certificateLength = reader.u32();
  if (bodyLength > LONGEST_MANIFEST || certificateLength > LONGEST_CERTIFICATE)
    throw reader.damaged('a length too large');
  const body = reader.take(bodyLength);
  const authenticated = file.subarray(0, reader.position);
  const mac = flags & FLAG_MAC ? reader.take(MAC_LENGTH) : undefined;
  const certificate = reader.take(certificateLength);
  const signed = file.subarray(0, reader.position);
  const signature = reader.take(SIGNATURE_LENGTH);
  const summed = file.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(SUM_LENGTH))) throw reader.damaged('its checksum does not hold');
  reader.end();
  return { body, authenticated, mac, certificate, signed, signature };
}

function checkRunAndMac(
  manifest: Manifest,
  parts: PointParts,
  runKey: NonNullable<OpenManifestOptions['runKey']>,
): void {
  if (manifest.run === undefined || parts.mac === undefined) return;
  const key = runKey(manifest.run);
  if (key === undefined) {
    throw fail('wrong-run-key', `There is no key for the run that made recovery point ${manifest.pointId}.`);
  }
  checkRun(key, manifest.run);
  checkMac(manifest, parts, manifestKey(key));
}

function checkMac({ pointId }: Manifest, { authenticated, mac }: PointParts, key: KeyObject): void {
  if (mac === undefined || manifestMacHolds(key, authenticated, mac)) return;
  throw fail('manifest-forged', `The MAC of recovery point ${pointId} does not hold.`);
}

function readCertificate(der: Buffer): PeerCertificate {
  try {
    return parseCertificate(der);
  } catch (cause) {
    throw fail('format-damaged', `The certificate of a recovery point cannot be read: ${toFailure(cause).message}`, {
      cause,
    });
  }
}

function signatureHolds(key: KeyObject, signed: Buffer, signature: Buffer): boolean {
  try {
    return verifySignature(key, SIGNATURE_LABEL, signed, signature);
  } catch (cause) {
    throw fail('manifest-forged', 'The certificate of a recovery point holds a key that cannot sign.', { cause });
  }
}
