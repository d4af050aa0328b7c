/** Runs a plan: cases that are measured in rounds, and every round on each system in turn. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mediansOf, noiseOf, ratiosOf } from './figures.ts'
import { busyCores } from './machine.ts'
import type { CaseResult, Figures, Measurement, MetricName, Round } from './measurement.ts'
import type { Cluster, Setup, System } from './systems/system.ts'

export interface Case {
  readonly name: string
  readonly x?: number
  readonly rounds: number
  run(cluster: Cluster, startMs: number): Promise<Figures>
}

export interface Plan extends Omit<Measurement, 'cases'> {
  readonly systems: readonly System[]
  readonly stages: readonly Stage[]
}

/** Cases on the same clusters. */
export interface Stage {
  readonly setup: Omit<Setup, 'directory'>
  /** Which of the plan's systems take part; all by default. */
  readonly takesPart?: (system: System) => boolean
  /** Each round starts a cluster of its own. */
  readonly isFresh: boolean
  /** Runs once on each cluster, before its first round. */
  readonly warmUp?: (cluster: Cluster) => Promise<unknown>
  readonly cases: readonly Case[]
}

export type Progress = (line: string) => void

interface Running {
  readonly cluster: Cluster
  readonly directory: string
  /** Milliseconds from the first process to a leader. */
  readonly startMs: number
}

/** A system that did not start, and why. */
interface Failed {
  readonly failure: string
}

export async function runPlan(plan: Plan, progress: Progress): Promise<Measurement> {
  const { part, title, note, metrics, systems } = plan
  const cases: CaseResult[] = []
  for (const stage of plan.stages) {
    const clusters = new Map<string, Running | Failed>()
    const some = systems.filter((system) => stage.takesPart?.(system) ?? true)
    try {
      if (!stage.isFresh) await startAll(stage, some, clusters, progress)
      for (const each of stage.cases) {
        progress(`${part}: ${each.name}`)
        cases.push(await measureCase(each, stage, { systems: some, metrics, clusters }))
      }
    } finally {
      for (const running of clusters.values()) if ('cluster' in running) await stop(running)
    }
  }
  return { part, title, note, metrics, cases }
}

/** A system that does not start fails in every round, and the others are measured. */
async function startAll(
  stage: Stage,
  systems: readonly System[],
  clusters: Map<string, Running | Failed>,
  progress: Progress,
): Promise<void> {
  for (const system of systems)
    try {
      // A port may have been taken before it was bound.
      clusters.set(system.name, await start(system, stage).catch(() => start(system, stage)))
    } catch (error) {
      const { message } = error as Error
      progress(`${system.name} did not start: ${message}`)
      clusters.set(system.name, { failure: `it did not start: ${message}` })
    }
}

interface Surroundings {
  readonly systems: readonly System[]
  readonly metrics: readonly MetricName[]
  readonly clusters: ReadonlyMap<string, Running | Failed>
}

async function measureCase(
  each: Case,
  stage: Stage,
  { systems, metrics, clusters }: Surroundings,
): Promise<CaseResult> {
  const rounds = new Map<string, Round[]>(systems.map(({ name }) => [name, []]))
  for (let round = 0; round < each.rounds; round++)
    for (const system of systems) {
      const measured = await measureRound(each, stage, system, clusters.get(system.name))
      rounds.get(system.name)?.push(measured)
    }
  const reference = rounds.get(systems[0]?.name ?? '') ?? []
  const results = systems.map(({ name, kind }) => {
    const own = rounds.get(name) ?? []
    return {
      ...{ system: name, kind, rounds: own, medians: mediansOf(own, metrics) },
      ...{ ratios: ratiosOf(reference, own, metrics), noise: noiseOf(own, metrics[0] as MetricName) },
    }
  })
  return { name: each.name, x: each.x, results }
}

async function measureRound(
  each: Case,
  stage: Stage,
  system: System,
  shared: Running | Failed | undefined,
): Promise<Round> {
  const busy = await busyCores()
  if (shared !== undefined && 'failure' in shared) return { busyCores: busy, figures: {}, failure: shared.failure }
  let own: Running | undefined
  try {
    if (shared === undefined) own = await start(system, stage)
    const { cluster, startMs } = (shared ?? own) as Running
    return { busyCores: busy, figures: await each.run(cluster, startMs) }
  } catch (error) {
    return { busyCores: busy, figures: {}, failure: (error as Error).message }
  } finally {
    if (own !== undefined) await stop(own)
  }
}

async function start(system: System, { setup, warmUp }: Stage): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
  let cluster: Cluster | undefined
  try {
    const begin = performance.now()
    cluster = await system.start({ ...setup, directory })
    const startMs = performance.now() - begin
    await warmUp?.(cluster)
    return { cluster, directory, startMs }
  } catch (error) {
    await cluster?.stop()
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
    throw error
  }
}

async function stop({ cluster, directory }: Running): Promise<void> {
  await cluster.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}
