/** Writes the page of a fault of a state machine, and names it in the message. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { faultPage } from './fault-page.ts'
import { MachineFault } from './machine-fault.ts'
import type { MachineSpec } from './machine-harness.ts'

/** The same error with the path of its page in the message; the error itself if there is nothing that a page could show. */
export async function withFaultPage<Command, Result>(
  spec: MachineSpec<Command, Result>,
  error: unknown,
  { directory, seed }: { readonly directory: string; readonly seed: number },
): Promise<unknown> {
  if (!(error instanceof MachineFault)) return error
  const line = await writeFaultPage(
    spec,
    error,
    join(directory, `${error.rule.replaceAll(' ', '-')}-seed-${seed}.html`),
  )
  if (line === undefined) return error
  return new MachineFault(error.rule, error.commands, `${error.message}\n${line}`, error.cause)
}

/** It does not throw, because the fault itself must be reported in any case. */
async function writeFaultPage<Command, Result>(
  spec: MachineSpec<Command, Result>,
  fault: MachineFault,
  path: string,
): Promise<string | undefined> {
  try {
    const page = await faultPage(spec, fault)
    if (page === undefined) return undefined
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, page)
    return `To see it in a browser: ${path}`
  } catch (error) {
    return `The page for a browser could not be written to ${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}
