/** The commands that work on the data directory of a stopped node, or on a backup, and need no cluster. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { optionParser, outputOption, tokenOption } from './client-settings.ts'
import type { ConvertFlags } from './commands/convert-data.ts'
import type { DumpFlags, InspectFlags } from './commands/inspect-data.ts'
import type { RecoverFlags } from './commands/recover.ts'
import type { RestoreFlags } from './commands/restore.ts'
import type { ErrorSource } from './error-text.ts'
import type { Terminal } from './terminal.ts'
import { parseAddress, parseAddresses, parseCount, parsePeers } from './text-values.ts'
import { tlsOptions } from './tls-files.ts'

/** Runs the body of a command, and prints its error if it fails. */
export type Guard = (work: () => Promise<unknown>, how: ErrorReporting) => Promise<void>

interface ErrorReporting {
  readonly source: ErrorSource
  readonly format: 'text' | 'json'
}

/** `quorate data`, `quorate recover`, and the commands for backups that need no cluster. */
export function addStoppedNodeCommands(program: Command, terminal: Terminal, guard: Guard): void {
  addDataCommands(program, terminal, guard)
  addRecover(program, terminal, guard)
  addBackupCommands(program, terminal, guard)
}

function addDataCommands(program: Command, terminal: Terminal, guard: Guard): void {
  const data = program.command('data').description('look at, verify or convert the data directory of a stopped node')
  const report = (name: string, description: string, work: 'inspectData' | 'verifyData'): void => {
    const command = data
      .command(name)
      .description(description)
      .argument('<directory>', 'the data directory of the node')
    command.addOption(outputOption())
    command.action((directory: string) =>
      guard(
        async () =>
          (await import('./commands/inspect-data.ts'))[work](directory, command.opts<InspectFlags>(), terminal),
        { source: 'node', format: command.opts<InspectFlags>().output },
      ),
    )
  }
  report('inspect', 'print whose it is, its term, log, snapshot and members', 'inspectData')
  report('verify', 'the same, after reading every byte and comparing all checksums', 'verifyData')
  const index = (text: string): number => parseCount(text, 1)
  const dump = data
    .command('log')
    .description('read the log')
    .command('dump')
    .description('print the entries of the log, committed or not: index, term, kind and content')
    .argument('<directory>', 'the data directory of the node')
    .addOption(new Option('--from <index>', 'the first entry').argParser(optionParser(index)))
    .addOption(new Option('--to <index>', 'the last entry').argParser(optionParser(index)))
    .addOption(outputOption())
  dump.action((directory: string) =>
    guard(
      async () => (await import('./commands/inspect-data.ts')).dumpLog(directory, dump.opts<DumpFlags>(), terminal),
      { source: 'node', format: dump.opts<DumpFlags>().output },
    ),
  )
  const command = data
    .command('convert')
    .description('move the log of a stopped node to the other storage engine, and verify it')
    .argument('<directory>', 'the data directory of the node')
    .addOption(
      new Option('--to <engine>', 'what is to keep the log').choices(['rocksdb', 'segments']).makeOptionMandatory(),
    )
    .option('--keep', 'keep the old files beside the new ones, as log.kept or segments.kept')
    .addOption(outputOption())
  command.action((directory: string) =>
    guard(
      async () => {
        const { convertData } = await import('./commands/convert-data.ts')
        return convertData(directory, command.opts<ConvertFlags>(), terminal)
      },
      { source: 'node', format: command.opts<ConvertFlags>().output },
    ),
  )
}

function addRecover(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('recover')
    .description('make a new cluster of a survivor, after the majority of the voters is lost for good')
    .argument('<directory...>', 'the data directories of the survivors, which are stopped; the newest log is used')
    .addOption(
      new Option('--address <address>', 'the address of the survivor in the new cluster: host:port')
        .argParser(optionParser(parseAddress))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('-e, --endpoints <addresses>', 'ask here too whether members run, if some have moved: host:port,…')
        .env('QUORATE_ENDPOINTS')
        .argParser(optionParser(parseAddresses)),
    )
    .option('--cluster <id>', 'the id of the new cluster (default: a random one)')
    .option('--dry-run', 'print what would be lost, and change nothing')
    .option('--confirm <id>', 'the id of the lost cluster, in place of the question')
    .addOption(outputOption())
  for (const option of tlsOptions('this client, to ask whether the other members run')) command.addOption(option)
  command.addOption(tokenOption())
  command.action((directories: string[]) =>
    guard(
      async () => (await import('./commands/recover.ts')).recover(directories, command.opts<RecoverFlags>(), terminal),
      { source: 'node', format: command.opts<RecoverFlags>().output },
    ),
  )
}

function addBackupCommands(program: Command, terminal: Terminal, guard: Guard): void {
  const snapshot = program.commands.find((command) => command.name() === 'snapshot') as Command
  const inspect = snapshot
    .command('inspect')
    .description('print what a backup contains, after reading every byte')
    .argument('<file>', 'a file of quorate snapshot save')
    .addOption(outputOption())
  inspect.action((file: string) =>
    guard(
      async () => (await import('./commands/restore.ts')).inspectBackup(file, inspect.opts<InspectFlags>(), terminal),
      { source: 'node', format: inspect.opts<InspectFlags>().output },
    ),
  )
  const restore = snapshot
    .command('restore')
    .description('make a new cluster from a backup')
    .argument('<file>', 'a file of quorate snapshot save')
    .addOption(
      new Option('--peers <members>', 'all members of the new cluster: n1=host:port,n2=host:port,…')
        .argParser(optionParser(parsePeers))
        .makeOptionMandatory(),
    )
    .option('--id <id>', 'make only the directory of this member, at --data-dir (default: of all, below --data-dir)')
    .option('-d, --data-dir <path>', 'where the directories are created', 'quorate-data')
    .option('--cluster <id>', 'the id of the new cluster (default: derived from the backup and the members)')
    .addOption(new Option('--storage <engine>', 'what is to keep the logs').choices(['rocksdb', 'segments']))
    .addOption(outputOption())
  restore.action((file: string) =>
    guard(async () => (await import('./commands/restore.ts')).restore(file, restore.opts<RestoreFlags>(), terminal), {
      source: 'node',
      format: restore.opts<RestoreFlags>().output,
    }),
  )
}
