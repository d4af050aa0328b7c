/** What the examples share: processes that end with this one, the leader of a cluster, and a wait for something to become true. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RaftClient } from 'quorate/client'

/** How long to wait for anything. */
const PATIENCE_MS = 60_000

const processes: ChildProcess[] = []
process.on('exit', killAll)

/** Starts a TypeScript program as a process with a channel for messages. */
export function start(program: URL, ...args: string[]): ChildProcess {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(program), ...args], { stdio: [...stdio] })
  processes.push(child)
  return child
}

export function killAll(): void {
  for (const child of processes) child.kill('SIGKILL')
}

export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const since = performance.now()
  while (!isTrue()) {
    if (performance.now() - since > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms until ${what}`)
    await sleep(20)
  }
}

/** The id of the node that leads. */
export async function leaderId(client: Pick<RaftClient, 'status'>): Promise<string> {
  for (;;) {
    for (const answer of await client.status({ timeoutMs: 1000 }))
      if ('status' in answer && answer.status.role === 'leader') return answer.status.id
    await sleep(50)
  }
}
