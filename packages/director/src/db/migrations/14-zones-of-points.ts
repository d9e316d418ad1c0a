export const MIGRATION_14 = [
  // In-flight points that were made in another repository than the one they are recorded in: the id of that one, as a UUID.
  `ALTER TABLE points ADD COLUMN zone TEXT`,
];
