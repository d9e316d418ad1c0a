export { type ConnectOptions, connectLink } from './connect.ts';
export { DATA_SUBPROTOCOL, DEFAULT_LINKS, MAX_PAYLOAD } from './limits.ts';
export type { Link, LinkMessage } from './link.ts';
export { type LinkListener, type ListenOptions, listenForLinks } from './listen.ts';
