/** The facts about this machine that a reader of figures needs, and how busy it is. */
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os'
import { pause } from './systems/system.ts'

export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryBytes: number
  readonly kernel: string
  /** The file system of the data directories, and where they are. */
  readonly fileSystem: string
  readonly node: string
}

/** Types of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  ...{
    61267: 'ext4',
    2435016766: 'btrfs',
    1481003842: 'xfs',
    16914836: 'tmpfs',
    2035054128: 'overlayfs',
    801189825: 'zfs',
  },
}
const SAMPLE_MS = 50

export async function describeMachine(): Promise<Machine> {
  const { type: kind } = await statfs(tmpdir())
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    fileSystem: `${FILE_SYSTEMS[kind] ?? `type 0x${kind.toString(16)}`} at ${tmpdir()}`,
    node: process.version,
  }
}

/** How many cores work at this moment, for any process of the machine. */
export async function busyCores(): Promise<number> {
  const before = cpuTimes()
  await pause(SAMPLE_MS)
  const after = cpuTimes()
  const all = after.all - before.all
  return all === 0 ? 0 : (availableParallelism() * (all - (after.idle - before.idle))) / all
}

function cpuTimes(): { readonly idle: number; readonly all: number } {
  let idle = 0
  let all = 0
  for (const { times } of cpus()) {
    idle += times.idle
    all += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { idle, all }
}
