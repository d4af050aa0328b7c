/** What a careless client, or a broken cluster, would have written into the history: to see that the judge notices. */
import type { KvCluster } from '../../src/cli/kv-cluster.ts'
import { perform } from './operations.ts'
import type { RotatingKey } from './rotating-keys.ts'

export const LIES = ['stale-read', 'lost-write'] as const
export type Lie = (typeof LIES)[number]

/** Adds calls to the history of a key that nobody else calls any more, of which the last was never made. */
export async function lie(kind: Lie, { name: key, history }: RotatingKey, cluster: KvCluster): Promise<void> {
  const put = async (value: string): Promise<void> => {
    const operation = { type: 'put', key, value } as const
    await history.record('liar', operation, () => perform(cluster, operation, undefined))
  }
  await put('liar.1')
  if (kind === 'stale-read') {
    await put('liar.2')
    history.call('liar', { type: 'get', key }).ok('liar.1')
  } else history.call('liar', { type: 'put', key, value: 'liar.2' }).ok(undefined)
}
