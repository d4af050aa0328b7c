/** Starts programs that end with this process. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

const running = new Set<ChildProcess>()

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function startChild(program: string, flags: readonly string[], stdio: SpawnOptions['stdio']): ChildProcess {
  const child = spawn(program, flags, { stdio })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}
