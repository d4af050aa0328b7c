/** Describes how a change of voters affects the number of failures that the cluster tolerates. */

export interface VoterChange {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

export function quorumPreview({ before, after }: VoterChange): string {
  return `before: ${voters(before)}\nafter:  ${voters(after)}\n`
}

function voters(ids: readonly string[]): string {
  const tolerated = Math.max(0, Math.floor((ids.length - 1) / 2))
  const failures = tolerated === 1 ? '1 failure' : `${tolerated} failures`
  return `${ids.length} ${ids.length === 1 ? 'voter' : 'voters'} (${ids.join(' ')}), tolerates ${failures}`
}
