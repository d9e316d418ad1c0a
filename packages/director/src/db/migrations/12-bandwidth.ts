/** Limits of the bandwidth, in the words of `parseBandwidth` (wire); null: none. */
export const MIGRATION_12 = [
  `ALTER TABLE jobs ADD COLUMN bandwidth TEXT`,
  `ALTER TABLE transporters ADD COLUMN bandwidth TEXT`,
];
