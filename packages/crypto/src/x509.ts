/*
 * The X.509 writer, loaded only by who issues or requests certificates: it is large, and workers and data paths do
 * without it. It needs the reflection polyfill in place before it is imported.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { cryptoProvider } from '@peculiar/x509';

cryptoProvider.set(webcrypto);

export * from '@peculiar/x509';
