import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { hostname } from 'node:os';
import { tlsRules, tlsRulesOfRest } from '@sealift/wire';
import type { DirectorConfig } from './config.ts';
import type { Context } from './context.ts';
import { createControlListener } from './control/listener.ts';
import type { AdminToken } from './keys/admin-token.ts';
import type { ServerCertificates } from './keys/server-certificates.ts';
import { createApi } from './routes/api.ts';

/** Opens the REST listener and the control listener, in that order; `parts` closes them the other way round. */
export async function listen(
  config: DirectorConfig,
  context: Context,
  o: { token: AdminToken; certificates: ServerCertificates },
  parts: AsyncDisposableStack,
): Promise<{ url: string; controlUrl: string }> {
  const { token, certificates } = o;
  const { postQuantumOnly = false } = config;
  let controlUrl = '';
  const api = await createApi(context, {
    certificate: certificates.current,
    token,
    controlUrl: () => controlUrl,
    postQuantumOnly,
  });
  parts.defer(() => api.close());
  const control = parts.use(createControlListener(context, certificates.current, postQuantumOnly));
  parts.use(certificates);
  certificates.onRenewed(({ key, cert }) => {
    control.server.setSecureContext({ ...tlsRules(postQuantumOnly), key, cert, ca: context.authority.certificate });
    const rest = api.server as unknown as typeof control.server;
    rest.setSecureContext({ ...tlsRulesOfRest(postQuantumOnly), key, cert });
  });
  // Known before the first enrolment can ask for it.
  controlUrl = `wss://${nameOf(config, hostname())}:${await bind(control.server, config.host, config.controlPort)}`;
  await api.listen({ host: config.host, port: config.port });
  const url = `https://${nameOf(config, 'localhost')}:${(api.server.address() as AddressInfo).port}`;
  return { url, controlUrl };
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How others name this Director: as configured, or by the address it listens on when that is a definite one. */
function nameOf({ publicHost, host }: DirectorConfig, otherwise: string): string {
  const name = publicHost ?? (host === '0.0.0.0' || host === '::' ? otherwise : host);
  return name.includes(':') ? `[${name}]` : name;
}
