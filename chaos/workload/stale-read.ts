/** What a cluster that answers from the past would leave in the history: to see that the judge notices. */
import type { KvClient } from '../../src/cli/kv-client.ts'
import { perform } from './operations.ts'
import type { RotatingKey } from './rotating-keys.ts'

/** Adds calls to the history of a key that nobody else calls any more; the last one was never made, and is told what was overwritten. */
export async function injectStaleRead({ name: key, history }: RotatingKey, cluster: KvClient): Promise<void> {
  for (const value of ['liar.1', 'liar.2']) {
    const operation = { type: 'put', key, value } as const
    await history.record('liar', operation, () => perform(cluster, operation, undefined))
  }
  history.call('liar', { type: 'get', key }).ok('liar.1')
}
