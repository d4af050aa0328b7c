/** The I/O of a cluster without Raft: the upper limit of what the same disk and the same link allow. */
import { join } from 'node:path'
import type { SkeletonArguments } from '../processes/skeleton.ts'
import { Worker } from '../worker.ts'
import type { System } from './system.ts'

export function skeleton(folder: string, io: Pick<SkeletonArguments, 'disk' | 'link'>): System {
  return {
    name: `skeleton ${io.disk}+${io.link}`,
    kind: 'skeleton',
    description: `${io.disk === 'file' ? 'a preallocated file with O_DSYNC' : 'RocksDB'} and ${io.link}, without Raft`,
    missing: async () => undefined,
    start: async ({ directory, nodes }) => {
      const start = (name: string, followers: readonly string[] | undefined) =>
        Worker.start<{ readonly address: string }>(folder, 'skeleton', {
          ...{ ...io, directory: join(directory, name), followers },
        } satisfies SkeletonArguments)
      const names = Array.from({ length: nodes - 1 }, (_, at) => `s${at + 2}`)
      const followers = await Promise.all(names.map((name) => start(name, undefined)))
      const leader = await start(
        's1',
        followers.map(({ ready }) => ready.address),
      )
      const workers = [leader, ...followers]
      return {
        load: (request) => leader.load(request),
        usages: () => Promise.all(workers.map((worker) => worker.usage())),
        stop: async () => {
          await Promise.all(workers.map((worker) => worker.kill()))
        },
      }
    },
  }
}
