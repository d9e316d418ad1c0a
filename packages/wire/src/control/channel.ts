/** Path of the control channel in its URL. */
export const CONTROL_PATH = '/control/v1';

/** Subprotocol that both ends insist on; the number is the version of the protocol. */
export const CONTROL_SUBPROTOCOL = 'sealift-control.1';

/** The role in the certificate of a Director; no Transporter can have it. */
export const DIRECTOR_ROLE = 'director';
