/** Falsifies a history as a cluster with stale reads would, to check that the violation is detected. */
import type { KvClient } from '../../src/cli/kv-client.ts'
import { perform } from './operations.ts'
import type { RotatingKey } from './rotating-keys.ts'

/** Writes two values to a retired key, and records a read, which is never made, that returns the first one. */
export async function injectStaleRead({ name: key, history }: RotatingKey, cluster: KvClient): Promise<void> {
  for (const value of ['stale.1', 'stale.2']) {
    const operation = { type: 'put', key, value } as const
    await history.record('stale-reader', operation, () => perform(cluster, operation, undefined))
  }
  history.call('stale-reader', { type: 'get', key }).ok('stale.1')
}
