import type { ComparisonResource } from '@sealift/wire';
import type { Database } from './database.ts';

/** What was found when the points of a repository were compared, and by what the same finding is known again. */
export interface KeptComparison {
  digest: string;
  comparison: ComparisonResource;
}

export async function recordComparison(db: Database, repositoryId: string, kept: KeptComparison): Promise<void> {
  await db.run('UPDATE repositories SET comparison_json = ? WHERE id = ?', JSON.stringify(kept), repositoryId);
}

export async function lastComparison(db: Database, repositoryId: string): Promise<KeptComparison | undefined> {
  const row = await db.get<{ comparison_json: string | null }>(
    'SELECT comparison_json FROM repositories WHERE id = ?',
    repositoryId,
  );
  return row?.comparison_json == null ? undefined : JSON.parse(row.comparison_json);
}

/** How many differences the last comparison of each repository found. */
export async function countDifferences(db: Database): Promise<{ repository: string; differences: number }[]> {
  const rows = await db.all<{ name: string; comparison_json: string }>(
    'SELECT name, comparison_json FROM repositories WHERE comparison_json IS NOT NULL ORDER BY name',
  );
  return rows.map(({ name, comparison_json: json }) => {
    const { comparison }: KeptComparison = JSON.parse(json);
    return { repository: name, differences: comparison.differences };
  });
}
