/** Describes how a change affects the voters, how many of them are needed, and the number of failures that the cluster tolerates. */

export interface VoterChange {
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** What else is different, such as an address. */
  readonly detail?: { readonly before: string; readonly after: string } | undefined
}

export function quorumPreview({ before, after, detail }: VoterChange): string {
  return `before: ${voters(before, detail?.before)}\nafter:  ${voters(after, detail?.after)}\n`
}

function voters(ids: readonly string[], detail: string | undefined): string {
  const needed = Math.floor(ids.length / 2) + 1
  const tolerated = Math.max(0, ids.length - needed)
  const failures = tolerated === 1 ? '1 failure' : `${tolerated} failures`
  const facts = [`${ids.length} ${ids.length === 1 ? 'voter' : 'voters'} (${ids.join(' ')})`, `needs ${needed}`]
  return [...facts, `tolerates ${failures}`, ...(detail === undefined ? [] : [detail])].join(', ')
}
