/** The facts of a run that every report states before its figures. */
import { busyCoresOf, median } from '../figures.ts'
import type { BenchDocument } from './document.ts'

export const READING =
  'Figures are medians of rounds that alternate between the systems. A column with × is an advantage: how much better the first system of ' +
  'the table is than that of the row. It is the median of the ratios of adjacent rounds, and above 1 if the first is faster or needs less. ' +
  'Noise is the largest figure of the first column divided by its smallest. CPU is the time of all nodes per operation; RSS is that of the ' +
  'largest process. Only advantages can be compared with those of other runs.'

/** The share of the cores above which the machine was not free for the run. */
const BUSY_SHARE_MAX = 0.25

/** Says so if other work used the machine when the run began. */
export function warningOf({ busyCoresBefore, machine }: BenchDocument): string[] {
  if (busyCoresBefore <= BUSY_SHARE_MAX * machine.cores) return []
  return [
    `Other work kept ${busyCoresBefore.toFixed(1)} of ${machine.cores} cores busy when this run began: its figures say little, and its advantages not much more.`,
  ]
}

export function factsOf(document: BenchDocument): [string, string][] {
  const { machine, options } = document
  const busy = document.measurements.flatMap(({ cases }) => cases.flatMap(({ results }) => busyCoresOf(results)))
  return [
    ['run', `${document.startedAt.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(document.seconds / 60)} min`],
    ['package', `quorate ${document.version}, commit ${document.commit}, ${document.module}`],
    ['machine', `${machine.cores} cores, ${machine.processor}, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB`],
    ['kernel and file system', `${machine.kernel}; ${machine.fileSystem}`],
    ['Node.js', machine.node],
    ['rounds', `${options.rounds} of ${options.seconds} s per system and case`],
    [
      'busy cores',
      `${document.busyCoresBefore.toFixed(1)} before the run; before the rounds ${median(busy).toFixed(1)} (median), ` +
        `${Math.max(0, ...busy).toFixed(1)} (largest)`,
    ],
  ]
}
